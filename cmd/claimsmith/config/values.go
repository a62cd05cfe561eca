package config

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/claimsmith/claimsmith/jwks"
	"github.com/claimsmith/claimsmith/server/oauth"
	"github.com/claimsmith/claimsmith/storage"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// SQL says which database storage is in.
func (c *Config) SQL() sqldb.Config {
	return sqldb.Config{URL: c.storageURL(), Password: c.password.Reveal(), MaxConns: c.Storage.MaxConnections}
}

// storageURL is the URL with a relative file of SQLite made absolute.
func (c *Config) storageURL() string {
	path, ok := strings.CutPrefix(c.Storage.URL, "sqlite:")
	if !ok || path == ":memory:" {
		return c.Storage.URL
	}
	return "sqlite:" + within(c.DataDir, path)
}

// MasterKeyBytes returns the master keys by id, and the id of the one that seals.
func (c *Config) MasterKeyBytes() (keys map[string][]byte, current string) {
	return c.masterKeys, c.MasterKeys[0].ID
}

// DeriveKey returns 32 secret bytes for a purpose and a name, of the master key that seals.
func (c *Config) DeriveKey(purpose, name string) []byte {
	key, err := hkdf.Key(sha256.New, c.masterKeys[c.MasterKeys[0].ID], nil, "claimsmith "+purpose+" "+name, 32)
	if err != nil {
		panic(err) // 32 bytes are never too many
	}
	return key
}

// Issuer returns the issuer of a name, or the only one where name is "".
func (c *Config) Issuer(name string) (*Issuer, error) {
	if name == "" && len(c.Issuers) == 1 {
		return &c.Issuers[0], nil
	}
	var names []string
	for i := range c.Issuers {
		if c.Issuers[i].Name == name {
			return &c.Issuers[i], nil
		}
		names = append(names, c.Issuers[i].Name)
	}
	if name == "" {
		return nil, fmt.Errorf("several issuers: choose one with --issuer: %s", strings.Join(names, ", "))
	}
	return nil, fmt.Errorf("no issuer %q: there are %s", name, strings.Join(names, ", "))
}

// SignsWith reports whether the issuer has keys of the algorithm; "" is its default.
func (i *Issuer) SignsWith(algorithm string) bool {
	return algorithm == "" || slices.Contains(i.Keys.Algorithms, algorithm)
}

// RingConfig says how the issuer's keys live; store and sealer are the caller's.
func (i *Issuer) RingConfig() jwks.Config {
	return jwks.Config{
		Issuer:      i.Name,
		Algorithms:  i.Keys.Algorithms,
		RotateEvery: i.Keys.RotateEvery.Std(),
		Announce:    i.Keys.Announce.Std(),
		MaxAge:      i.Keys.JWKSMaxAge.Std(),
		Retain:      i.Keys.Retain.Std(),
		Skew:        i.Keys.Skew.Std(),
	}
}

// CompiledClaims are the issuer's claims, or nil.
func (i *Issuer) CompiledClaims() *oauth.Claims { return i.claims }

// StaticClients are the clients that belong to the configuration, by id.
func (i *Issuer) StaticClients() map[string]*storage.Client { return i.clients }
