package jwks

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"slices"

	"github.com/golang-jwt/jwt/v5"
)

// An algorithm is a way to sign with a key pair, by its name in RFC 7518 or
// 8037.
type algorithm struct {
	method   jwt.SigningMethod
	generate func(rsaBits int) (crypto.Signer, error)
	fits     func(crypto.PublicKey) bool
}

// algorithms are those with key pairs. A row of any other is kept, and neither
// signs nor is published.
var algorithms = map[string]*algorithm{
	"RS256": {jwt.SigningMethodRS256, generateRSA, isRSA},
	"RS384": {jwt.SigningMethodRS384, generateRSA, isRSA},
	"RS512": {jwt.SigningMethodRS512, generateRSA, isRSA},
	"PS256": {jwt.SigningMethodPS256, generateRSA, isRSA},
	"PS384": {jwt.SigningMethodPS384, generateRSA, isRSA},
	"PS512": {jwt.SigningMethodPS512, generateRSA, isRSA},
	"ES256": {jwt.SigningMethodES256, generateEC(elliptic.P256()), isEC(elliptic.P256())},
	"ES384": {jwt.SigningMethodES384, generateEC(elliptic.P384()), isEC(elliptic.P384())},
	"EdDSA": {jwt.SigningMethodEdDSA, generateEd25519, isEd25519},
}

// algorithmNames are the names of algorithms as a list for people.
var algorithmNames = []string{"ES256", "ES384", "EdDSA", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"}

// Algorithms returns the names that [Config.Algorithms] may hold.
func Algorithms() []string { return slices.Clone(algorithmNames) }

func generateRSA(bits int) (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, bits) }

func generateEC(curve elliptic.Curve) func(int) (crypto.Signer, error) {
	return func(int) (crypto.Signer, error) { return ecdsa.GenerateKey(curve, rand.Reader) }
}

func generateEd25519(int) (crypto.Signer, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	return private, err
}

func isRSA(public crypto.PublicKey) bool {
	_, ok := public.(*rsa.PublicKey)
	return ok
}

func isEC(curve elliptic.Curve) func(crypto.PublicKey) bool {
	return func(public crypto.PublicKey) bool {
		k, ok := public.(*ecdsa.PublicKey)
		return ok && k.Curve == curve
	}
}

func isEd25519(public crypto.PublicKey) bool {
	_, ok := public.(ed25519.PublicKey)
	return ok
}
