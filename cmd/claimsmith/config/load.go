package config

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/claimsmith/claimsmith/internal/strictyaml"
	"github.com/claimsmith/claimsmith/jwks"
)

// Load reads a configuration file, the secrets that it refers to, and fills in
// defaults. Relative paths of storage start at data, or at the file's folder
// where data is "". The error, where the file was read, is of type
// strictyaml.Faults and holds all that is wrong.
func Load(file, data string) (*Config, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, strictyaml.MaxText+1))
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	dir := filepath.Dir(file)
	return parse(file, text, dir, cmp.Or(data, dir))
}

func parse(file string, text []byte, dir, data string) (*Config, error) {
	c := &Config{File: file, Dir: dir, DataDir: data}
	doc, _ := strictyaml.Decode(file, text, c)
	c.fill()
	(&checker{Config: c, doc: doc}).check()
	if err := doc.Err(); err != nil {
		return nil, err
	}
	return c, nil
}

// fill fills in the defaults.
func (c *Config) fill() {
	c.Listen = cmp.Or(c.Listen, "127.0.0.1:8080")
	c.Admin = cmp.Or(c.Admin, "127.0.0.1:9080")
	c.Log.Level = cmp.Or(c.Log.Level, "info")
	c.Log.Format = cmp.Or(c.Log.Format, "json")
	c.Storage.MaxConnections = cmp.Or(c.Storage.MaxConnections, 16)
	c.asRead.listen, c.asRead.admin = c.Listen, c.Admin
	c.Throttle.fill()
	c.Tracing.fill()
	for i := range c.Issuers {
		c.Issuers[i].fill()
	}
}

func (i *Issuer) fill() {
	const day = 24 * time.Hour
	i.Name = cmp.Or(i.Name, "default")
	or := func(d *strictyaml.Duration, value time.Duration) {
		*d = cmp.Or(*d, strictyaml.Duration(value))
	}
	or(&i.AccessToken.Lifetime, 10*time.Minute)
	or(&i.RefreshToken.Idle, 14*day)
	or(&i.RefreshToken.Absolute, 90*day)
	or(&i.RefreshToken.Grace, 10*time.Second)
	or(&i.Keys.RotateEvery, jwks.DefaultRotateEvery)
	or(&i.Keys.Announce, jwks.DefaultAnnounce)
	or(&i.Keys.JWKSMaxAge, jwks.DefaultMaxAge)
	or(&i.Keys.Skew, jwks.DefaultSkew)
	if len(i.Keys.Algorithms) == 0 {
		i.Keys.Algorithms = []string{jwks.DefaultAlgorithm}
	}
	for n := range i.Clients {
		or(&i.Clients[n].AccessToken.Lifetime, i.AccessToken.Lifetime.Std())
	}
}
