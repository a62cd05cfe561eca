package rig

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/claimsmith/claimsmith/bench/load"
)

// Client and Audience are those of every issuer.
const (
	Client   = "portal"
	Audience = "https://api.example.com"
	scopes   = "read,write,offline_access"
	grants   = "password,api-key,client_credentials,refresh_token"
)

// Site is a directory with a configuration, and a database that knows the
// client. Each issuer has a chain of one plugin: compare, keys, people or
// directory, whose name is the issuer's and its path.
type Site struct {
	r        *Rig
	Dir      string
	Database string // the URL
	listen   string
	Secret   string // of the client, by whichever issuer
	secrets  map[string]string
}

// Options say what is special about a site.
type Options struct {
	Issuers []string
	Log     string            // the level; "" for info
	Plugins string            // more YAML under plugins
	More    map[string]string // more YAML of an issuer, indented as its keys are
}

// NewSite writes a configuration and creates the client at each issuer.
func (r *Rig) NewSite(name, database string, o Options) *Site {
	s := &Site{r: r, Dir: r.Sub(name), Database: database, listen: freeAddress(r), secrets: map[string]string{}}
	key := make([]byte, 32)
	rand.Read(key)
	s.write("master.key", base64.StdEncoding.EncodeToString(key))
	s.write("claimsmith.yaml", s.configuration(o))
	for _, issuer := range o.Issuers {
		s.secrets[issuer] = s.field("client_secret", "client", "create", Client, "--issuer", issuer, "--grant", grants, "--scope", scopes)
	}
	return s
}

// Twin returns a site on the same database with the same clients and keys that
// differs in the level of its log, and in where it listens.
func (s *Site) Twin(name, level string, o Options) *Site {
	t := &Site{r: s.r, Dir: s.r.Sub(name), Database: s.Database, listen: freeAddress(s.r), secrets: s.secrets}
	key, err := os.ReadFile(filepath.Join(s.Dir, "master.key"))
	s.r.Check(err)
	t.write("master.key", string(key))
	o.Log = level
	t.write("claimsmith.yaml", t.configuration(o))
	return t
}

func (s *Site) configuration(o Options) string {
	level := o.Log
	if level == "" {
		level = "info"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "log: {level: %s}\nstorage: {url: %q}\nmaster_keys: [{id: bench, key: {file: master.key}}]\nplugins:\n%s", level, s.Database, o.Plugins)
	fmt.Fprintf(&b, "  keys: {use: apikey}\n  people: {use: database}\n  compare: {command: [%q, plugin], sha256: %s}\nissuers:\n", s.r.Self, hashOf(s.r, s.r.Self))
	for _, issuer := range o.Issuers {
		fmt.Fprintf(&b, "  - name: %[1]s\n    url: http://%[2]s/%[1]s\n    chain: [%[1]s]\n    audience: [%[3]q]\n%[4]s", issuer, s.listen, Audience, o.More[issuer])
	}
	return b.String()
}

func hashOf(r *Rig, file string) string {
	text, err := os.ReadFile(file)
	r.Check(err)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

func (s *Site) write(name, text string) {
	s.r.Check(os.WriteFile(filepath.Join(s.Dir, name), []byte(text), 0o600))
}

// Command runs a command of the program on the site and returns what it printed.
func (s *Site) Command(args ...string) string {
	out, err := output(s.r.ctx, s.Dir, append([]string{s.r.Program}, append(args, "--config", "claimsmith.yaml")...)...)
	s.r.Check(err)
	return string(out)
}

// field runs a command and returns the value that it printed behind a name.
func (s *Site) field(name string, args ...string) string {
	out := s.Command(args...)
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == name {
			return f[1]
		}
	}
	s.r.Fatalf("no %s in %q", name, out)
	return ""
}

// Knows reports whether the program's configuration has a key of this name.
func (r *Rig) Knows(key string) bool {
	out, err := output(r.ctx, r.dir, r.Program, "config", "schema")
	r.Check(err)
	return strings.Contains(string(out), `"`+key+`"`)
}

// AddPerson adds a person to the users table and returns their password.
func (s *Site) AddPerson(name string) string { return s.field("password", "user", "add", name) }

// AddKey creates an API key and returns its text.
func (s *Site) AddKey(owner string) string {
	return s.field("api_key", "apikey", "create", "--owner", owner)
}

// Server is a site that runs.
type Server struct {
	*Process
	Site  *Site
	URL   string // without an issuer
	Admin string
	Start time.Duration // until it gave its first token
}

// Serve starts the site and waits until it gives a token.
func (s *Site) Serve() *Server {
	admin := freeAddress(s.r)
	return s.r.serveUntil(s, "http://"+s.listen, s.Dir, "serve", "--config", "claimsmith.yaml", "--listen", s.listen, "--admin", admin)
}

// ServeAt starts one more replica of the site.
func (s *Site) ServeAt() *Server {
	listen, admin := freeAddress(s.r), freeAddress(s.r)
	return s.r.serveUntil(s, "http://"+listen, s.Dir, "serve", "--config", "claimsmith.yaml", "--listen", listen, "--admin", admin)
}

func (r *Rig) serveUntil(s *Site, address, dir string, args ...string) *Server {
	server := &Server{Site: s, URL: address}
	begun := time.Now()
	server.Process = r.start(dir, "server.log", nil, append([]string{r.Program}, args...)...)
	user, secret, path := "demo", "demo-secret", ""
	if s != nil {
		for issuer := range s.secrets {
			user, secret, path = Client, s.secrets[issuer], "/"+issuer
		}
	}
	r.await(server.Process, "the server", func() bool {
		_, err := load.Token(r.ctx, address+path+"/oauth2/token", user, secret, url.Values{"grant_type": {"client_credentials"}})
		return err == nil
	})
	server.Start = time.Since(begun)
	return server
}

// Demo starts serve --demo in a new directory, waits for its first token and
// returns how long that took. It is stopped again.
func (r *Rig) Demo() time.Duration {
	dir, err := os.MkdirTemp(r.dir, "demo-")
	r.Check(err)
	listen := freeAddress(r)
	server := r.serveUntil(nil, "http://"+listen, dir, "serve", "--demo", "--data", dir, "--listen", listen, "--admin", "off")
	server.Stop()
	return server.Start
}

// Target is the token endpoint of an issuer.
func (s *Server) Target(issuer string, bodies ...string) load.Target {
	return load.Target{URL: s.URL + "/" + issuer + "/oauth2/token", User: Client, Password: s.Site.secrets[issuer], Bodies: bodies}
}

// Has reports whether something is mounted at a path.
func (s *Server) Has(path string) bool {
	resp, err := http.Post(s.URL+path, "application/x-www-form-urlencoded", strings.NewReader(""))
	s.Site.r.Check(err)
	resp.Body.Close()
	return resp.StatusCode != http.StatusNotFound
}

// FreshLog empties the server's log: a day of load is not what is measured.
func (p *Process) FreshLog() { os.Truncate(p.Log, 0) }

// freeAddress is a loopback address on which nobody listens.
func freeAddress(r *Rig) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	r.Check(err)
	defer l.Close()
	return l.Addr().String()
}
