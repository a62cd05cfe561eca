package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/claimsmith/claimsmith/internal/strictyaml"
	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server/oauth"
	"github.com/claimsmith/claimsmith/server/shape"
	"github.com/claimsmith/claimsmith/storage"
)

// checker finds what is wrong with a configuration beyond single keys, and
// keeps what it had to compute for that. What is missing was reported before.
type checker struct {
	*Config
	doc    *strictyaml.Document
	places map[string]bool // where dialects are, and what they are called
}

func (c *checker) check() {
	c.checkAddress("listen", c.Listen)
	if c.Admin != "off" {
		c.checkAddress("admin", c.Admin)
	}
	c.checkCertificate()
	c.checkStorage()
	c.checkMasterKeys()
	c.checkGuard()
	for _, name := range slices.Sorted(maps.Keys(c.Plugins)) {
		c.checkPlugin(name)
	}
	for i := range c.Issuers {
		c.checkIssuer(i)
	}
}

func (c *checker) checkAddress(path, address string) {
	if _, _, err := net.SplitHostPort(address); err != nil {
		c.doc.Fault(path, "not an address", "write HOST:PORT, as 127.0.0.1:8080")
	}
}

func (c *checker) checkStorage() {
	u := c.Storage.URL
	switch scheme, _, _ := strings.Cut(u, ":"); scheme {
	case "", "sqlite", "postgres", "postgresql":
	default:
		c.doc.Fault("storage.url", "not a database that storage can be in", "write sqlite:PATH or postgres://USER@HOST/DATABASE")
	}
	if c.Storage.Password != nil {
		c.password = c.secret("storage.password", *c.Storage.Password)
	}
}

func (c *checker) secret(path string, s Secret) sdk.Secret {
	secret, err := s.read(c.Dir)
	if err != nil {
		c.doc.Fault(path, err.Error(), "")
	}
	return secret
}

func (c *checker) checkMasterKeys() {
	c.masterKeys = map[string][]byte{}
	for i, k := range c.MasterKeys {
		path := fmt.Sprintf("master_keys[%d]", i)
		if _, twice := c.masterKeys[k.ID]; twice {
			c.doc.Fault(path+".id", "another master key has this id", "")
		}
		key, err := k.Key.readKey(c.Dir)
		if err != nil {
			c.doc.Fault(path+".key", err.Error(), "make one with: openssl rand -base64 32 > master.key")
		}
		c.masterKeys[k.ID] = key
	}
}

func (c *checker) checkPlugin(name string) {
	p := c.Plugins[name]
	path := fmt.Sprintf("plugins[%q]", name)
	external := len(p.Command) > 0
	switch {
	case external == (p.Use != ""):
		c.doc.Fault(path, "a plugin is either built in or a program", "give one of use and command")
	case external && p.SHA256 == "" && !p.InsecureUnpinned:
		c.doc.Fault(path, "the program is not pinned", "set sha256 to what `sha256sum "+p.Command[0]+"` prints, or insecure_unpinned: true")
	case !external && (p.SHA256 != "" || p.InsecureUnpinned):
		c.doc.Fault(path, "a built-in plugin is part of this program and is not pinned", "leave out sha256 and insecure_unpinned")
	}
	own := c.doc.Value(p.Config)
	s, err := readSettings(own, c.Dir, c.defaultSettings(p, own))
	if err != nil {
		c.doc.Fault(path+".config", err.Error(), "")
	}
	p.settings = s
	c.checkSettings(path+".config", p)
	var members map[string]any
	if json.Unmarshal(s.json, &members) == nil {
		p.settings.secrets = append(p.settings.secrets, hide(p.Use, members)...)
	}
	c.Plugins[name] = p
}

// defaultSettings puts the tables of the built-in plugins beside those of
// storage unless their configuration says otherwise.
func (c *checker) defaultSettings(p Plugin, own any) map[string]any {
	members, _ := own.(map[string]any)
	_, elsewhere := members["url"]
	_, noTable := members["verify_url"]
	if elsewhere || noTable || p.Use != "database" && p.Use != "apikey" {
		return nil
	}
	defaults := map[string]any{"url": c.storageURL()}
	switch {
	case c.Storage.Password != nil && c.Storage.Password.File != "":
		defaults["password"] = map[string]any{"file": c.Storage.Password.File}
	case c.Storage.Password != nil:
		defaults["password"] = map[string]any{"env": c.Storage.Password.Env}
	}
	return defaults
}

func (c *checker) checkIssuer(n int) {
	i := &c.Issuers[n]
	path := fmt.Sprintf("issuers[%d]", n)
	c.checkURL(path+".url", i.URL)
	for _, other := range c.Issuers[:n] {
		if other.Name == i.Name {
			c.doc.Fault(path, "another issuer has the name "+i.Name, "give each issuer a name of its own")
		}
		if other.URL == i.URL {
			c.doc.Fault(path+".url", "another issuer has this URL", "")
		}
	}
	for k, name := range i.Chain {
		if _, ok := c.Plugins[name]; !ok {
			c.doc.Fault(fmt.Sprintf("%s.chain[%d]", path, k), "no plugin has this name", "there are "+list(slices.Sorted(maps.Keys(c.Plugins))))
		}
	}
	c.checkKeys(path+".keys", i)
	c.checkSigner(path+".keys.signer", i)
	if i.outlives(i.AccessToken.Lifetime.Std()) {
		c.doc.Fault(path+".access_token.lifetime", "longer than keys.retain", raiseRetain)
	}
	if i.RefreshToken.Idle > i.RefreshToken.Absolute {
		c.doc.Fault(path+".refresh_token.idle", "longer than refresh_token.absolute", "")
	}
	i.claims = c.compile(i.Claims)
	i.clients = map[string]*storage.Client{}
	for k := range i.Clients {
		c.checkClient(i, &i.Clients[k], fmt.Sprintf("%s.clients[%d]", path, k))
	}
	for k := range i.TrustedIssuers {
		c.checkTrustedIssuer(i, &i.TrustedIssuers[k], fmt.Sprintf("%s.trusted_issuers[%d]", path, k))
	}
	for k := range i.Dialects {
		c.checkDialect(i, &i.Dialects[k], fmt.Sprintf("%s.dialects[%d]", path, k))
	}
	if i.Keys.Retain == 0 {
		i.computeRetention()
	}
}

// checkKeys reports what the ring would refuse. How often it polls follows from
// the rest, so that is no fault of the file's.
func (c *checker) checkKeys(path string, i *Issuer) {
	err := i.RingConfig().Check()
	if err == nil {
		return
	}
	for fault := range strings.Lines(err.Error()) {
		if !strings.HasPrefix(fault, "poll ") {
			c.doc.Fault(path, strings.ReplaceAll(strings.TrimSpace(fault), "max_age", "jwks_max_age"), "")
		}
	}
}

// checkSigner holds keys.signer to be a program that may hold keys; whether it
// does is known when it starts.
func (c *checker) checkSigner(path string, i *Issuer) {
	p, ok := c.Plugins[i.Keys.Signer]
	switch {
	case i.Keys.Signer == "":
	case !ok:
		c.doc.Fault(path, "no plugin has this name", "there are "+list(slices.Sorted(maps.Keys(c.Plugins))))
	case p.Use != "":
		c.doc.Fault(path, "the built-in plugin "+p.Use+" holds no keys", "name a plugin with a command that does, or leave signer out: the keys are in memory then, and sealed in storage")
	}
}

// checkURL holds an issuer URL to RFC 8414 section 2, and to http for loopback alone.
func (c *checker) checkURL(path, text string) {
	u, err := url.Parse(text)
	switch {
	case text == "":
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		c.doc.Fault(path, "not a URL", "write https://HOST, or https://HOST/PATH")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		c.doc.Fault(path, "an issuer URL has neither user, query nor fragment", "")
	case strings.HasSuffix(text, "/"):
		c.doc.Fault(path, "an issuer URL does not end in a slash", "tokens and services compare it letter by letter: leave the slash out")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		c.doc.Fault(path, "http is for loopback only", "use https: set tls, or terminate TLS in front of the server")
	}
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

func (c *checker) checkClient(i *Issuer, client *Client, path string) {
	if _, twice := i.clients[client.ID]; twice {
		c.doc.Fault(path+".id", "another client has this id", "")
	}
	stored := &storage.Client{
		Issuer: i.Name, ID: client.ID, Name: client.Name,
		Scopes: client.Scopes, Audience: client.Audience,
		AccessTokenLifetime: client.AccessToken.Lifetime.Std(),
		ClientPolicy:        c.clientPolicy(client, path),
	}
	switch {
	case client.Public == (client.Secret != nil || client.JWKS != nil):
		c.doc.Fault(path, "a client either has a secret or is public", "give secret or jwks, or public: true")
	case client.Secret != nil:
		hash := oauth.HashClientSecret(c.secret(path+".secret", *client.Secret))
		stored.Secrets = []storage.SecretHash{{Hash: hash}}
	}
	if stored.Algorithm = client.Algorithm; !i.SignsWith(client.Algorithm) {
		c.doc.Fault(path+".algorithm", "not one of the issuer's keys.algorithms", "there are "+list(i.Keys.Algorithms))
	}
	grants, err := Grants(client.Grants)
	if err != nil {
		c.doc.Fault(path+".grants", err.Error(), "")
	}
	stored.Grants = grants
	if client.Public && slices.Contains(grants, oauth.GrantClientCredentials) {
		c.doc.Fault(path+".grants", "client_credentials are for clients that keep a secret", "")
	}
	for k, scope := range client.Scopes {
		if err := oauth.CheckScope(scope); err != nil {
			c.doc.Fault(fmt.Sprintf("%s.scopes[%d]", path, k), err.Error(), "")
		}
	}
	if i.outlives(client.AccessToken.Lifetime.Std()) && client.AccessToken.Lifetime > i.AccessToken.Lifetime {
		c.doc.Fault(path+".access_token.lifetime", "longer than the issuer's keys.retain", raiseRetain)
	}
	if client.Claims != nil && c.compile(client.Claims) != nil {
		stored.Claims = claimsText(client.Claims)
	}
	i.clients[client.ID] = stored
}

// claimsText returns a claims shape as text of its own: JSON, which is YAML.
func claimsText(n ast.Node) string {
	text, err := json.Marshal(strictyaml.Value(n))
	if err != nil {
		return "" // a shape that compiles has JSON values only
	}
	return string(text)
}

// compile compiles a claims shape; nil where there is none or it is faulty.
func (c *checker) compile(n ast.Node) *oauth.Claims {
	if n == nil {
		return nil
	}
	claims, err := oauth.CompileClaims(n)
	c.shapeFaults(err)
	return claims
}

// shapeFaults reports what is wrong with a shape.
func (c *checker) shapeFaults(err error) {
	if faults, ok := errors.AsType[shape.Faults](err); ok {
		for _, f := range faults {
			c.doc.FaultAt(f.Line, f.Column, f.Message, f.Hint)
		}
	}
}

func list(names []string) string {
	if len(names) == 0 {
		return "none: add it to plugins"
	}
	return strings.Join(names, ", ")
}
