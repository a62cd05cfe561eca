package main

import (
	"fmt"
	"net/url"

	"github.com/claimsmith/claimsmith/bench/floor"
	"github.com/claimsmith/claimsmith/bench/load"
	"github.com/claimsmith/claimsmith/bench/rig"
	"github.com/claimsmith/claimsmith/internal/servertest"
)

// connections is how many a run of load holds.
const connections = 64

// setup is what several rows share, made by the first that asks.
type setup struct {
	shared *shared
	pair   *pair
	echo   served
	floors map[string]served // those that run
}

// served is a floor that runs, and where.
type served struct {
	*rig.Process
	address string
}

// shared is the server that most rows measure.
type shared struct {
	*rig.Server
	rest      []rig.Memory // when it had just started
	site      *rig.Site
	options   rig.Options
	slapd     *servertest.LDAP
	person    string // the password of username in the users table
	key       string // an API key
	directory floor.Directory
	dialects  bool // the program knows them
}

const people = `
dn: dc=example,dc=com
objectClass: dcObject
objectClass: organization
dc: example
o: Acme

dn: uid=alice,dc=example,dc=com
objectClass: inetOrgPerson
uid: alice
cn: Alice
sn: Liddell
mail: alice@example.com
userPassword: wonderland
`

// server is a server on PostgreSQL with an issuer for each kind of plugin.
func (b *runner) server() *shared {
	if b.shared != nil {
		return b.shared
	}
	s := &shared{slapd: servertest.Slapd(b.Rig, people)}
	s.directory = floor.Directory{
		URL: s.slapd.URL, Base: s.slapd.Suffix, BindDN: s.slapd.RootDN, BindPassword: s.slapd.RootPassword,
		Username: username, UserPassword: password, Connections: 16,
	}
	s.options = rig.Options{
		Issuers: []string{"compare", "keys", "people", "directory"},
		Plugins: fmt.Sprintf("  directory: {use: ldap, config: {urls: [%q], base: %q, bind_dn: %q, bind_password: %q}}\n",
			s.slapd.URL, s.slapd.Suffix, s.slapd.RootDN, s.slapd.RootPassword),
	}
	if s.dialects = b.Knows("dialects"); s.dialects {
		// With the issuer's keys, so that the signature costs the same.
		s.options.More = map[string]string{"compare": "    dialects: [{dialect: oisp, client: " + rig.Client + ", algorithm: ES256}]\n"}
	}
	s.site = b.NewSite("shared", servertest.PostgreSQL(b.Rig), s.options)
	s.person, s.key = s.site.AddPerson(username), s.site.AddKey("robot")
	s.Server = s.site.Serve()
	s.rest = b.memoryOf(s.Server)
	b.shared = s
	return s
}

// floorConfig is what the floors work on.
func (b *runner) floorConfig() floor.Config {
	c := floor.Config{
		Issuer: "http://127.0.0.1:8080/compare", Client: rig.Client, Secret: "ccs_the-secret-of-a-client-as-long-as-a-real-one-is",
		Username: username, Password: password, Echo: b.echo.address,
	}
	if b.shared != nil {
		c.Database, c.Directory = b.shared.site.Database, b.shared.directory
		c.Key = keyID(b.shared.key)
	}
	return c
}

// floor starts a floor that serves, once.
func (b *runner) floor(name string) served {
	if b.echo.Process == nil {
		b.echo.Process, b.echo.address = b.Echo()
	}
	if f, ok := b.floors[name]; ok {
		return f
	}
	var f served
	f.Process, f.address = b.Floor(name, b.floorConfig())
	if b.floors == nil {
		b.floors = map[string]served{}
	}
	b.floors[name] = f
	return f
}

// toFloor is a floor that serves, asked like the server.
func (b *runner) toFloor(name string, bodies ...string) load.Target {
	c := b.floorConfig()
	return load.Target{URL: b.floor(name).address + "/oauth2/token", User: c.Client, Password: c.Secret, Bodies: bodies}
}

// form encodes NAME, VALUE, …
func form(pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v.Encode()
}
