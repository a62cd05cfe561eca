package jwks

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"
)

// secretSizes are the algorithms of HMAC secrets, each with the size of its
// hash: the least that a secret may have, in bytes (RFC 7518, section 3.2).
var secretSizes = map[string]int{"HS256": 32, "HS384": 48, "HS512": 64}

// SecretSize returns the least size in bytes of a secret for an HMAC algorithm,
// or 0 for any other.
func SecretSize(algorithm string) int { return secretSizes[algorithm] }

// maxSecretSize bounds a secret that is imported.
const maxSecretSize = 4 << 10

// newSecret returns a secret for the algorithm from a good random source.
func newSecret(algorithm string) []byte {
	secret := make([]byte, secretSizes[algorithm])
	rand.Read(secret)
	return secret
}

func checkSecret(algorithm string, secret []byte) error {
	size, ok := secretSizes[algorithm]
	switch {
	case !ok:
		return fmt.Errorf("algorithm %q is not known: want HS256, HS384 or HS512", algorithm)
	case len(secret) < size:
		return fmt.Errorf("%d bytes are too few for %s: want at least %d, the size of its hash", len(secret), algorithm, size)
	case len(secret) > maxSecretSize:
		return fmt.Errorf("%d bytes are too many: want at most %d", len(secret), maxSecretSize)
	case len(slices.Compact(slices.Sorted(slices.Values(secret)))) < 8:
		return fmt.Errorf("it has fewer than 8 different bytes")
	}
	return nil
}

// secretSet names the set of an issuer's secrets. It is another than that of
// its key pairs, so a [Ring] never so much as reads a secret: none is published,
// and what is signed with one is no access token.
func secretSet(issuer string) string { return issuer + secretSuffix }

const secretSuffix = ":secrets"

// issuerOf returns whose set it is, be it of keys or of secrets.
func issuerOf(set string) string { return strings.TrimSuffix(set, secretSuffix) }

// A secret's kid begins with the secret's name.
func newSecretKID(name string) string { return name + "." + strings.ToLower(rand.Text()[:12]) }

// nameOf returns the name of the secret that a row is of.
func nameOf(k Key) string {
	if i := strings.LastIndexByte(k.KID, '.'); i >= 0 {
		return k.KID[:i]
	}
	return k.KID
}

// secretsOf returns the rows of a name that may be in use by any clock, in the
// order in which they sign.
func secretsOf(rows []Key, name string, now time.Time) []Key {
	of := slices.DeleteFunc(slices.Clone(rows), func(k Key) bool {
		return nameOf(k) != name || k.revoked() || k.State(now) == Gone
	})
	slices.SortFunc(of, byActive)
	return of
}

// signingSecret returns which of the rows of a name, in their order, signs: the
// last one whose time has come, or the first, as at a clock that lags.
func signingSecret(of []Key, now time.Time) int {
	signs := 0
	for i, k := range of {
		if begun(k.Active, now) {
			signs = i
		}
	}
	return signs
}
