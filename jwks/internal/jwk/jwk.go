// Package jwk writes and reads public keys as JSON Web Keys (RFC 7517, 7518
// and 8037): RSA, P-256, P-384 and Ed25519. It has no private members at all.
package jwk

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
)

// The sizes of an RSA modulus that are read, in bits.
const (
	MinRSABits = 2048
	MaxRSABits = 8192
)

// A Key is a public key with what its JWK says of it.
type Key struct {
	Public    crypto.PublicKey // *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
	KID       string
	Algorithm string // "" if the JWK does not say
	Use       string // "" if the JWK does not say
}

// members are written in this order; those of another kty stay out.
type members struct {
	KTY string `json:"kty"`
	Use string `json:"use,omitempty"`
	Alg string `json:"alg,omitempty"`
	KID string `json:"kid,omitempty"`
	CRV string `json:"crv,omitempty"`
	X   string `json:"x,omitempty"`
	Y   string `json:"y,omitempty"`
	N   string `json:"n,omitempty"`
	E   string `json:"e,omitempty"`
}

var b64 = base64.RawURLEncoding

// Marshal returns k as a JWK.
func Marshal(k Key) (json.RawMessage, error) {
	m, err := encode(k.Public)
	if err != nil {
		return nil, err
	}
	m.Use, m.Alg, m.KID = k.Use, k.Algorithm, k.KID
	return json.Marshal(m)
}

// Thumbprint returns the SHA-256 thumbprint of RFC 7638 as base64url.
func Thumbprint(public crypto.PublicKey) (string, error) {
	m, err := encode(public)
	if err != nil {
		return "", err
	}
	required := map[string]string{"kty": m.KTY, "crv": m.CRV, "x": m.X, "y": m.Y, "n": m.N, "e": m.E}
	for name, value := range required {
		if value == "" {
			delete(required, name)
		}
	}
	canonical, err := json.Marshal(required) // sorts the names, as RFC 7638 wants
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(canonical)
	return b64.EncodeToString(sum[:]), nil
}

// Parse reads one JWK and checks that its point is on its curve or its modulus
// of a sane size. Members that it does not know are ignored.
func Parse(raw []byte) (Key, error) {
	var m members
	if err := json.Unmarshal(raw, &m); err != nil {
		return Key{}, fmt.Errorf("parse JWK: %w", err)
	}
	public, err := decode(m)
	if err != nil {
		return Key{}, fmt.Errorf("parse JWK: %w", err)
	}
	return Key{Public: public, KID: m.KID, Algorithm: m.Alg, Use: m.Use}, nil
}

func encode(public crypto.PublicKey) (members, error) {
	switch k := public.(type) {
	case *rsa.PublicKey:
		return members{
			KTY: "RSA",
			N:   b64.EncodeToString(k.N.Bytes()),
			E:   b64.EncodeToString(big.NewInt(int64(k.E)).Bytes()),
		}, nil
	case *ecdsa.PublicKey:
		point, err := k.Bytes()
		if err != nil {
			return members{}, fmt.Errorf("encode EC key: %w", err)
		}
		x, y := point[1:1+len(point)/2], point[1+len(point)/2:]
		return members{KTY: "EC", CRV: k.Params().Name, X: b64.EncodeToString(x), Y: b64.EncodeToString(y)}, nil
	case ed25519.PublicKey:
		return members{KTY: "OKP", CRV: "Ed25519", X: b64.EncodeToString(k)}, nil
	}
	return members{}, fmt.Errorf("encode key: %T is not supported", public)
}

func decode(m members) (crypto.PublicKey, error) {
	switch {
	case m.KTY == "RSA":
		return decodeRSA(m)
	case m.KTY == "EC" && m.CRV == "P-256":
		return decodeEC(elliptic.P256(), m)
	case m.KTY == "EC" && m.CRV == "P-384":
		return decodeEC(elliptic.P384(), m)
	case m.KTY == "OKP" && m.CRV == "Ed25519":
		x, err := b64.Strict().DecodeString(m.X)
		if err != nil || len(x) != ed25519.PublicKeySize {
			return nil, errors.New("x is not an Ed25519 key")
		}
		return ed25519.PublicKey(x), nil
	}
	return nil, fmt.Errorf("kty %q with crv %q is not supported", m.KTY, m.CRV)
}

func decodeRSA(m members) (crypto.PublicKey, error) {
	n, errN := b64.Strict().DecodeString(m.N)
	e, errE := b64.Strict().DecodeString(m.E)
	if err := errors.Join(errN, errE); err != nil {
		return nil, fmt.Errorf("n or e: %w", err)
	}
	k := &rsa.PublicKey{N: new(big.Int).SetBytes(n)}
	if bits := k.N.BitLen(); bits < MinRSABits || bits > MaxRSABits {
		return nil, fmt.Errorf("n has %d bits, want %d to %d", bits, MinRSABits, MaxRSABits)
	}
	exponent := new(big.Int).SetBytes(e)
	if exponent.BitLen() > 31 || exponent.Bit(0) == 0 || exponent.Int64() < 3 {
		return nil, errors.New("e is not a public exponent")
	}
	k.E = int(exponent.Int64())
	return k, nil
}

func decodeEC(curve elliptic.Curve, m members) (crypto.PublicKey, error) {
	size := (curve.Params().BitSize + 7) / 8
	x, errX := b64.Strict().DecodeString(m.X)
	y, errY := b64.Strict().DecodeString(m.Y)
	if err := errors.Join(errX, errY); err != nil {
		return nil, fmt.Errorf("x or y: %w", err)
	}
	if len(x) != size || len(y) != size {
		return nil, fmt.Errorf("x or y: want %d bytes each", size)
	}
	k, err := ecdsa.ParseUncompressedPublicKey(curve, append(append([]byte{4}, x...), y...))
	if err != nil {
		return nil, fmt.Errorf("x and y: %w", err)
	}
	return k, nil
}
