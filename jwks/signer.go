package jwks

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/golang-jwt/jwt/v5"
)

// A signer makes signatures with one private key, wherever that is held. It is
// safe for concurrent use.
type signer interface {
	// Sign returns the JWS signature over input. Where the key is in another
	// process or device, ctx bounds the wait for it.
	Sign(ctx context.Context, input string) ([]byte, error)
}

// A localSigner has its private key in memory.
type localSigner struct {
	method jwt.SigningMethod
	key    crypto.Signer
}

func (s localSigner) Sign(_ context.Context, input string) ([]byte, error) {
	return s.method.Sign(input, s.key)
}

// openSigner opens the private key of the row and checks that it belongs to the
// public one. Of a key that is held elsewhere it opens what that is called there.
func (c Config) openSigner(k Key, m *material) (signer, error) {
	private, err := c.Sealer.Open(c.Issuer, k.Algorithm, k.KID, k.Sealed)
	if err != nil {
		return nil, err
	}
	defer clear(private)
	if ref, ok := referenceIn(private); ok {
		return c.outsideSigner(m, ref)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("open key %s: it is not PKCS #8", k.KID) // err may quote what it parsed
	}
	key, ok := parsed.(crypto.Signer)
	if !ok || !samePublic(key.Public(), m.public) {
		return nil, fmt.Errorf("open key %s: %w", k.KID, errOtherPublic)
	}
	return localSigner{m.algorithm.method, key}, nil
}

var errOtherPublic = errors.New("its private key does not belong to its public key")

func samePublic(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(b)
}
