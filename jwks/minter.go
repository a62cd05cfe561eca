package jwks

import (
	"context"
	"crypto"
	"crypto/x509"
	"fmt"
	"maps"
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
func (m *minter) add(ctx context.Context, rows []Key, needs []need, now time.Time) ([]Key, error) {
	rows = slices.Clone(rows)
	for _, n := range needs {
		k, ok := m.made[n.algorithm]
		if !ok {
			var err error
			if k, err = m.config.mint(ctx, n.algorithm); err != nil {
				return nil, fmt.Errorf("make %s key: %w", n.algorithm, err)
			}
			m.made[n.algorithm] = k
		}
		if slices.ContainsFunc(rows, func(o Key) bool { return o.KID == k.KID }) {
			return nil, fmt.Errorf("make %s key: %w: it handed out key %s, which is in the set already", n.algorithm, ErrSigner, k.KID)
		}
		k.Created, k.Announced, k.Active = now, now, milli(n.active)
		rows = append(rows, k)
	}
	return rows, nil
}

// keep forgets the keys that were made and are among rows.
func (m *minter) keep(rows []Key) {
	for name, k := range m.made {
		if len(without([]Key{k}, rows)) == 0 {
			delete(m.made, name)
		}
	}
}

// vain returns the keys that were made and are not among those of the store:
// another ring may have been given the same one, by a Signer that makes none. It
// returns none if nobody knows what is in the store.
func (m *minter) vain(seen *snapshot) []Key {
	if seen == nil {
		return nil
	}
	return without(slices.Collect(maps.Values(m.made)), seen.rows)
}

// without returns those of keys that are not among others.
func without(keys, others []Key) []Key {
	return slices.DeleteFunc(slices.Clone(keys), func(k Key) bool {
		return slices.ContainsFunc(others, func(o Key) bool { return o.KID == k.KID })
	})
}

// mint makes a key pair of the algorithm and returns its row, without times.
func (c Config) mint(ctx context.Context, name string) (Key, error) {
	public, private, err := c.generate(ctx, name)
	if err != nil {
		return Key{}, err
	}
	defer clear(private)
	if a := algorithms[name]; !a.fits(public) {
		return Key{}, fmt.Errorf("the signer made a %T, which is not for %s", public, name)
	}
	kid, raw, err := publish(name, public)
	if err != nil {
		return Key{}, err
	}
	if kid[0] == '-' && (c.Signer == nil || c.Local) { // commands would take it for a flag
		return c.mint(ctx, name)
	}
	k := Key{KID: kid, Algorithm: name, Public: raw}
	if k.Sealed, err = c.Sealer.Seal(c.Issuer, name, kid, private); err != nil {
		return Key{}, err
	}
	return k, c.prove(ctx, k)
}

// prove has a key that is held outside sign once, before anybody is told of it.
func (c Config) prove(ctx context.Context, k Key) error {
	if c.Signer == nil || c.Local {
		return nil
	}
	m, err := readMaterial(k)
	if err != nil {
		return err
	}
	s, err := c.openSigner(k, m)
	if err == nil {
		_, err = s.Sign(ctx, "proof of key "+k.KID)
	}
	return err
}

// generate makes a key pair, and returns what is sealed of its private half.
func (c Config) generate(ctx context.Context, name string) (public crypto.PublicKey, private []byte, err error) {
	if c.Signer != nil && !c.Local {
		ref, public, err := c.Signer.Generate(ctx, name)
		if err != nil {
			return nil, nil, fmt.Errorf("%w: %w", ErrSigner, err)
		}
		return public, reference(ref), nil
	}
	key, err := algorithms[name].generate(c.RSABits)
	if err != nil {
		return nil, nil, err
	}
	private, err = x509.MarshalPKCS8PrivateKey(key)
	return key.Public(), private, err
}

// publish returns the kid of a public key and its JWK.
func publish(algorithm string, public crypto.PublicKey) (kid string, raw []byte, err error) {
	if kid, err = jwk.Thumbprint(public); err != nil {
		return "", nil, err
	}
	raw, err = jwk.Marshal(jwk.Key{Public: public, KID: kid, Algorithm: algorithm, Use: "sig"})
	return kid, raw, err
}
