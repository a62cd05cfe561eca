package config

import (
	"cmp"
	_ "embed" // the source of the schema's descriptions
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/claimsmith/claimsmith/internal/strictyaml"
	"github.com/claimsmith/claimsmith/server/dialect"
)

//go:embed dialect.go
var dialectSource []byte

// Dialect is a vendor's login API in front of an issuer.
type Dialect struct {
	// One that comes with the program; claimsmith dialect list tells which. Either this or file.
	Dialect string `yaml:"dialect"`
	// A dialect's file.
	File string `yaml:"file"`
	// What logs, metrics and its secret call it. Default: what the dialect is called.
	Name string `yaml:"name" jsonschema:"pattern=^[a-z0-9][a-z0-9-]{0\\,62}$"`
	// The client whose grants, scopes, audience and lifetime apply.
	Client string `yaml:"client" jsonschema:"required,minLength=1"`
	// Where it begins. Default: the dialect's path, below that of the issuer's URL.
	Path string `yaml:"path" jsonschema:"pattern=^/.*$"`
	// The only host that it answers at. Default: the dialect's, or every one.
	Host string `yaml:"host"`
	// Instead of the dialect's. One of keys.algorithms moves its tokens to the JWKS: times are seconds then, and nothing is compressed.
	Algorithm string `yaml:"algorithm"`
	// How times are written in tokens, instead of the dialect's way.
	Times string `yaml:"times" jsonschema:"enum=seconds,enum=string,enum=iso,enum=milliseconds"`
	// Instead of the dialect's.
	Lifetime strictyaml.Duration `yaml:"lifetime"`
	// What the dialect lets you set; claimsmith dialect show tells what.
	Options map[string]any `yaml:"options"`
	// The days since which clients should move on, and from which it may be gone; told in each answer. YYYY-MM-DD.
	Deprecated string `yaml:"deprecated" jsonschema:"pattern=^[0-9]{4}-[0-9]{2}-[0-9]{2}$"`
	Sunset     string `yaml:"sunset" jsonschema:"pattern=^[0-9]{4}-[0-9]{2}-[0-9]{2}$"`

	config dialect.Config
}

// ReadDialect returns the text of a dialect's file.
func ReadDialect(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, strictyaml.MaxText+1))
}

// Config is the dialect as it is served for an issuer at a URL. Its keys,
// secrets and IssuerName are the caller's to set.
func (d *Dialect) Config(issuerURL string) dialect.Config {
	c := d.config
	c.Issuer = issuerURL
	if u, err := url.Parse(issuerURL); err == nil && d.Path == "" {
		c.Path = strings.TrimSuffix(u.Path, "/") + c.Dialect.Path
	}
	return c
}

// Secret is the name of its HMAC secret, and the algorithm that it is for; ""
// where the dialect's tokens are verified by the JWKS.
func (d *Dialect) Secret() (name, algorithm string) {
	algorithm = cmp.Or(d.Algorithm, d.config.Dialect.Algorithm)
	if !dialect.IsHMAC(algorithm) {
		return "", ""
	}
	return d.config.Name, algorithm
}

func (c *checker) checkDialect(i *Issuer, d *Dialect, path string) {
	loaded := c.loadDialect(d, path)
	if loaded == nil {
		return
	}
	d.config = dialect.Config{
		Dialect: loaded, Name: cmp.Or(d.Name, loaded.Name), Path: d.Path, Host: d.Host, Algorithm: d.Algorithm,
		Times: d.Times, Lifetime: d.Lifetime.Std(), Options: d.Options,
		Deprecated: c.day(path+".deprecated", d.Deprecated), Sunset: c.day(path+".sunset", d.Sunset),
	}
	if _, err := dialect.New(d.config); err != nil {
		key, message, _ := strings.Cut(err.Error(), ": ")
		c.doc.Fault(path+"."+key, message, "")
	}
	algorithm := cmp.Or(d.Algorithm, loaded.Algorithm)
	switch {
	case !dialect.IsHMAC(algorithm) && !i.SignsWith(algorithm):
		c.doc.Fault(path+".algorithm", "tokens are signed by "+algorithm+", which is not one of the issuer's keys.algorithms", "add it there, or choose one of them here")
	case d.Algorithm != "" && !dialect.IsHMAC(d.Algorithm) && d.Times != "":
		c.doc.Fault(path+".times", "tokens that the JWKS verifies have times in seconds", "leave times out")
	}
	if lifetime := d.tokenLifetime(); i.outlives(lifetime) {
		c.doc.Fault(path, fmt.Sprintf("its tokens live for %v, longer than the issuer's keys.retain", lifetime), raiseRetain)
	}
	if len(i.Chain) == 0 {
		c.doc.Fault(path, "the issuer has no chain: nobody could log in", "")
	}
	c.checkPlace(i, d, path)
	c.checkPublished(i, d, path)
}

func (c *checker) loadDialect(d *Dialect, path string) *dialect.Dialect {
	if (d.Dialect == "") == (d.File == "") {
		c.doc.Fault(path, "a dialect is one that comes with the program, or a file", "give one of dialect and file")
		return nil
	}
	name, key := d.Dialect, ".dialect"
	text, err := []byte(nil), error(nil)
	if d.File != "" {
		name, key = within(c.Dir, d.File), ".file"
		text, err = ReadDialect(name)
	} else {
		text, err = dialect.Text(name)
	}
	if err != nil {
		c.doc.Fault(path+key, err.Error(), "")
		return nil
	}
	loaded, err := dialect.Load(name, text)
	if faults, ok := errors.AsType[strictyaml.Faults](err); ok {
		c.doc.Fault(path+key, fmt.Sprintf("%s:%d:%d: %s", faults[0].File, faults[0].Line, faults[0].Column, faults[0].Message),
			"see all faults with: claimsmith dialect check "+name)
		return nil
	}
	return loaded
}

// checkPlace keeps dialects apart from each other and from the issuer's own
// endpoints.
func (c *checker) checkPlace(i *Issuer, d *Dialect, path string) {
	at := d.Config(i.URL)
	root := strings.TrimSuffix(cmp.Or(at.Path, at.Dialect.Path), "/")
	for _, own := range []string{"/oauth2", "/.well-known", "/userinfo"} {
		if root == own || strings.HasPrefix(root, own+"/") {
			c.doc.Fault(path+".path", "the issuer's own endpoints are below "+own, "")
		}
	}
	place := strings.ToLower(cmp.Or(at.Host, at.Dialect.Host)) + root + "/"
	if c.places[place] {
		c.doc.Fault(path, "another dialect is at "+place, "give one of them another path or host")
	}
	if c.places[i.Name+" "+at.Name] {
		c.doc.Fault(path, "another dialect of the issuer is called "+at.Name, "give one of them another name: its secret, events and metrics are known by it")
	}
	if c.places == nil {
		c.places = map[string]bool{}
	}
	c.places[place], c.places[i.Name+" "+at.Name] = true, true
}

// checkPublished keeps apart whose tokens the issuer's published keys sign: two of
// one dialect have the same claims, and each would take the other's tokens for
// those of its own client.
func (c *checker) checkPublished(i *Issuer, d *Dialect, path string) {
	published := func(d *Dialect) bool { name, _ := d.Secret(); return name == "" }
	for k := range i.Dialects {
		before := &i.Dialects[k]
		switch {
		case before == d:
			return
		case before.config.Dialect == nil || before.Client == d.Client || before.config.Dialect.Name != d.config.Dialect.Name:
		case published(before) && published(d):
			c.doc.Fault(path, "the tokens of "+before.config.Name+" are signed by the same published keys, for another client",
				"give both one client, or serve one of them in another issuer")
			return
		}
	}
}

func (c *checker) day(path, text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		c.doc.Fault(path, "not a day", "write YYYY-MM-DD")
	}
	return t
}
