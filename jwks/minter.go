package jwks

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/claimsmith/claimsmith/jwks/internal/jwk"
)

// A minter makes the keys of one update. It keeps what it made for the next
// attempt, since RSA keys are slow to make.
type minter struct {
	config Config
	made   map[string]Key // by algorithm, without times
}

// add returns rows with the keys that are needed, announced now.
func (m *minter) add(rows []Key, needs []need, now time.Time) ([]Key, error) {
	rows = slices.Clone(rows)
	for _, n := range needs {
		k, ok := m.made[n.algorithm]
		if !ok {
			var err error
			if k, err = m.config.mint(n.algorithm); err != nil {
				return nil, fmt.Errorf("make %s key: %w", n.algorithm, err)
			}
			m.made[n.algorithm] = k
		}
		k.Created, k.Announced, k.Active = now, now, milli(n.active)
		rows = append(rows, k)
	}
	return rows, nil
}

// mint makes a key pair of the algorithm and returns its row, without times.
func (c Config) mint(name string) (Key, error) {
	private, err := algorithms[name].generate(c.RSABits)
	if err != nil {
		return Key{}, err
	}
	kid, public, err := publish(name, private.Public())
	if err != nil {
		return Key{}, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return Key{}, err
	}
	defer clear(der)
	sealed, err := c.Sealer.Seal(c.Issuer, name, kid, der)
	if err != nil {
		return Key{}, err
	}
	return Key{KID: kid, Algorithm: name, Public: public, Sealed: sealed}, nil
}

// publish returns the kid of a public key and its JWK.
func publish(algorithm string, public crypto.PublicKey) (kid string, raw []byte, err error) {
	if kid, err = jwk.Thumbprint(public); err != nil {
		return "", nil, err
	}
	raw, err = jwk.Marshal(jwk.Key{Public: public, KID: kid, Algorithm: algorithm, Use: "sig"})
	return kid, raw, err
}
