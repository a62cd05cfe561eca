package oauth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// original is a signed token that a server would take, and what a forger of it
// can know.
type original struct {
	t             testing.TB
	token         string
	head, payload string // the first two parts of it
	signature     []byte
	header        map[string]any
	public        *ecdsa.PublicKey
	thief         *party // has a key of its own, under the same kid
}

func newOriginal(t testing.TB, token string, public *ecdsa.PublicKey) *original {
	t.Helper()
	o := &original{t: t, token: token, public: public}
	parts := strings.Split(token, ".")
	o.head, o.payload = parts[0], parts[1]
	if err := json.Unmarshal(decode64(t, o.head), &o.header); err != nil {
		t.Fatal(err)
	}
	o.signature = decode64(t, parts[2])
	o.thief = newParty(t, o.header["kid"].(string))
	return o
}

func decode64(t testing.TB, text string) []byte {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func encode64(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

// with returns the token with some members of its header changed, nil removing
// one, and its signature kept.
func (o *original) with(changes map[string]any) string {
	return o.headed(changes) + "." + encode64(o.signature)
}

// headed returns the first two parts of the token, with a changed header.
func (o *original) headed(changes map[string]any) string {
	header := map[string]any{}
	for name, value := range o.header {
		header[name] = value
	}
	for name, value := range changes {
		if header[name] = value; value == nil {
			delete(header, name)
		}
	}
	text, err := json.Marshal(header)
	if err != nil {
		o.t.Fatal(err)
	}
	return encode64(text) + "." + o.payload
}

// signed returns the token with another signature.
func (o *original) signed(signature []byte) string {
	return o.head + "." + o.payload + "." + encode64(signature)
}

// hmac returns the token signed with a secret, as HS256.
func (o *original) hmac(secret []byte) string {
	return signAs(o.t, jose.SigningKey{Algorithm: jose.HS256, Key: secret}, o.header, decode64(o.t, o.payload))
}

// stolen returns the token signed by the thief, with more in its header.
func (o *original) stolen(more map[string]any) string {
	header := map[string]any{}
	for name, value := range o.header {
		header[name] = value
	}
	for name, value := range more {
		header[name] = value
	}
	return signAs(o.t, jose.SigningKey{Algorithm: jose.ES256, Key: o.thief.key}, header, decode64(o.t, o.payload))
}

// spki returns the public key that verifies the token, in DER.
func (o *original) spki() []byte {
	der, err := x509.MarshalPKIXPublicKey(o.public)
	if err != nil {
		o.t.Fatal(err)
	}
	return der
}

// certificate returns a certificate that the thief has made for its own key.
func (o *original) certificate() string {
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, o.thief.key.Public(), o.thief.key)
	if err != nil {
		o.t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

// lastBits returns the token with the bits of its last letter changed that say
// nothing: decoded, the signature is the same.
func (o *original) lastBits() string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	end := len(o.token) - 1
	return o.token[:end] + string(alphabet[strings.IndexByte(alphabet, o.token[end])|1])
}

// der returns the signature in ASN.1, as TLS writes it.
func (o *original) der() []byte {
	text, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(o.signature[:32]), new(big.Int).SetBytes(o.signature[32:])})
	if err != nil {
		o.t.Fatal(err)
	}
	return text
}

// plusN returns the signature with s + n, which is s again where it is reduced.
func (o *original) plusN() []byte {
	s := new(big.Int).SetBytes(o.signature[32:])
	return append(o.signature[:32:32], s.Add(s, elliptic.P256().Params().N).Bytes()...)
}

// malleate returns the other signature that an ECDSA signature implies: s
// becomes n-s. It verifies as well as the first.
func malleate(t testing.TB, token string) string {
	t.Helper()
	end := strings.LastIndexByte(token, '.')
	signature := decode64(t, token[end+1:])
	if len(signature) != 64 {
		t.Fatalf("signature of %d bytes", len(signature))
	}
	s := new(big.Int).SetBytes(signature[32:])
	s.Sub(elliptic.P256().Params().N, s).FillBytes(signature[32:])
	return token[:end+1] + encode64(signature)
}

// signAs signs a payload under a header.
func signAs(t testing.TB, key jose.SigningKey, header map[string]any, payload []byte) string {
	t.Helper()
	options := new(jose.SignerOptions)
	for name, value := range header {
		if name != "alg" {
			options = options.WithHeader(jose.HeaderKey(name), value)
		}
	}
	signer, err := jose.NewSigner(key, options)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// pemOf returns a public key in DER as PEM.
func pemOf(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}
