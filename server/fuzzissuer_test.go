package server_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/jwks"
	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server"
	"github.com/claimsmith/claimsmith/server/audit"
	"github.com/claimsmith/claimsmith/server/dialect"
	"github.com/claimsmith/claimsmith/server/oauth"
	"github.com/claimsmith/claimsmith/storage"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// fuzzed is a request as a fuzzer varies it.
type fuzzed struct{ method, target, header, body string }

// fuzzedIssuer is an issuer with every grant and dialect behind a server.
type fuzzedIssuer struct {
	handler http.Handler
	lines   *lines
	log     *lines
}

// knownPeople is a chain that knows alice and her key.
type knownPeople struct{}

var knownAlice = sdk.Identity{
	Subject: "u-1", Username: "alice", Name: "Alice Liddell", Email: "alice@example.com", Organisation: "Acme", Unit: "north",
	Units: []string{"north", "south"}, Groups: []string{"staff"}, Roles: []string{"editor"}, Plugin: "people",
	Claims: map[string]any{"default_unit": "north", "created": int64(1600000000000), "updated": int64(1700000000000)},
}

func (knownPeople) Authenticate(_ context.Context, r sdk.Request) (sdk.Identity, error) {
	c := r.Credential
	switch {
	case c.Kind == sdk.APIKey && c.Secret == "csk_good", c.Username == "alice" && c.Secret == "wonderland":
		return knownAlice, nil
	case c.Username == "alice":
		return sdk.Identity{}, sdk.Denied(sdk.Invalid)
	case c.Username == "locked":
		return sdk.Identity{}, sdk.Denied(sdk.Locked)
	}
	return sdk.Identity{}, sdk.ErrUnknown
}

func (knownPeople) Refresh(_ context.Context, id sdk.Identity) (sdk.Identity, error) { return id, nil }

func (knownPeople) Lookup(_ context.Context, name string) (sdk.Identity, error) {
	if name != knownAlice.Subject && name != knownAlice.Username {
		return sdk.Identity{}, sdk.ErrUnknown
	}
	return knownAlice, nil
}

// oneSecret is the HMAC secret of every dialect.
type oneSecret struct{}

func (oneSecret) Secret(context.Context, string) ([]byte, [][]byte, error) {
	secret := bytes.Repeat([]byte("secret"), 12)
	return secret, [][]byte{secret}, nil
}

const fuzzedURL = "https://login.example.com"

func newFuzzedIssuer(f *testing.F) *fuzzedIssuer {
	db, err := storage.Open(f.Context(), sqldb.Config{URL: "sqlite:" + filepath.Join(f.TempDir(), "test.db")})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { db.Close() })
	if err := db.Migrate(f.Context()); err != nil {
		f.Fatal(err)
	}
	for _, c := range []storage.Client{
		{ID: "portal", Secrets: []storage.SecretHash{{Hash: oauth.HashClientSecret("portal-secret")}}},
		{ID: "app", ClientPolicy: storage.ClientPolicy{Origins: []string{"https://app.example.com"}}},
	} {
		c.Issuer, c.Grants, c.Scopes = "main", oauth.Grants, []string{"read", "write", oauth.ScopeOfflineAccess}
		if err := db.CreateClient(f.Context(), c); err != nil {
			f.Fatal(err)
		}
	}
	ring := openFuzzedRing(f)
	config := oauth.Config{
		Name: "main", Issuer: fuzzedURL, Audience: []string{"https://api.example.com"},
		AccessTokenLifetime: 10 * time.Minute, LongestLifetime: 24 * time.Hour,
		RefreshIdle: 24 * time.Hour, RefreshAbsolute: 72 * time.Hour, RefreshGrace: 10 * time.Second,
		RefreshKey: make([]byte, 32), Algorithms: []string{"ES256"},
		Clients: storage.NewClientCache(db), Sessions: db, Revocations: db, Assertions: db, Chain: knownPeople{},
		Signer: ring, Verifier: ring, JWKS: ring,
	}
	var dialects []*server.Dialect
	for _, name := range dialect.Names() {
		dialects = append(dialects, openFuzzedDialect(f, name, config, ring))
		config.TokenFinders = append(config.TokenFinders, dialects[len(dialects)-1].FindToken)
	}
	provider := oauth.New(config)
	site := server.Site{Endpoints: []server.Mounter{provider}}
	for _, d := range dialects {
		site.Endpoints = append(site.Endpoints, d.Over(provider))
	}
	i := &fuzzedIssuer{lines: new(lines), log: new(lines)}
	s := newServer(i.lines, func(c *server.Config) {
		c.Site = site
		c.Log = slog.New(slog.NewJSONHandler(i.log, nil))
		c.Audit = audit.New(audit.Config{Lines: slog.NewJSONHandler(i.lines, &slog.HandlerOptions{Level: slog.LevelDebug})})
	})
	i.handler = s.Handler()
	return i
}

func openFuzzedRing(f *testing.F) *jwks.Ring {
	sealer, err := jwks.NewSealer(map[string][]byte{"test": make([]byte, 32)}, "test")
	if err != nil {
		f.Fatal(err)
	}
	ring, err := jwks.Open(f.Context(), jwks.Config{Issuer: "main", Store: new(jwks.MemoryStore), Sealer: sealer, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	return ring
}

// openFuzzedDialect serves a dialect where it belongs; one that has all of a host
// has a path of its own.
func openFuzzedDialect(f *testing.F, name string, config oauth.Config, ring *jwks.Ring) *server.Dialect {
	text, err := dialect.Text(name)
	if err != nil {
		f.Fatal(err)
	}
	loaded, err := dialect.Load(name, text)
	if err != nil {
		f.Fatal(err)
	}
	c := dialect.Config{Dialect: loaded, IssuerName: config.Name, Issuer: config.Issuer, Secrets: oneSecret{}}
	if !dialect.IsHMAC(loaded.Algorithm) {
		c.Algorithm = "ES256"
	}
	if loaded.Path == "" || loaded.Path == "/" {
		c.Path = "/" + name
	}
	d, err := server.NewDialect(server.DialectConfig{
		Config: c, Client: "portal", Audience: config.Audience, Ring: ring, Clients: config.Clients, People: knownPeople{},
	})
	if err != nil {
		f.Fatal(err)
	}
	return d
}

const (
	asForm = "Content-Type: application/x-www-form-urlencoded"
	asJSON = "Content-Type: application/json"
)

// asPortal is the head of a form that a confidential client sends.
var asPortal = asForm + "\r\nAuthorization: Basic " + base64.StdEncoding.EncodeToString([]byte("portal:portal-secret"))

// logins are what the texts in braces stand for: the token that they get.
var logins = map[string]fuzzed{
	"{access}":   {"POST", "/oauth2/token", asPortal, "grant_type=password&username=alice&password=wonderland&scope=read"},
	"{refresh}":  {"POST", "/oauth2/token", asPortal, "grant_type=password&username=alice&password=wonderland&scope=offline_access"},
	"{asset}":    {"POST", "/api/auth/signin", asJSON, `{"email":"alice","password":"wonderland","company":"Acme"}`},
	"{woodwing}": {"POST", "/services/apilogin", asForm, "username=alice&password=wonderland"},
	"{oisp}":     {"POST", "/v1/api/auth/token", asJSON, `{"username":"alice","password":"wonderland"}`},
	"{crm}":      {"POST", "/crmapi/rest/v2/authentication/token", asJSON, `{"username":"alice","password":"wonderland","organisation":"Acme"}`},
}

var (
	tokenOfAnswer   = regexp.MustCompile(`"(?:access_token|token|authToken)":"([^"]+)"`)
	refreshOfAnswer = regexp.MustCompile(`"refresh_token":"([^"]+)"`)
)

// fill puts live tokens into a text, new ones each time.
func (i *fuzzedIssuer) fill(t testing.TB, text string) string {
	for name, login := range logins {
		if !strings.Contains(text, name) {
			continue
		}
		token := tokenOfAnswer
		if name == "{refresh}" {
			token = refreshOfAnswer
		}
		r := httptest.NewRequest(login.method, login.target, strings.NewReader(login.body))
		for line := range strings.SplitSeq(login.header, "\r\n") {
			key, value, _ := strings.Cut(line, ": ")
			r.Header.Set(key, value)
		}
		w := httptest.NewRecorder()
		i.handler.ServeHTTP(w, r)
		found := token.FindStringSubmatch(w.Body.String())
		if w.Code != http.StatusOK || found == nil {
			t.Fatalf("login for %s: %d %s", name, w.Code, w.Body)
		}
		text = strings.ReplaceAll(text, name, found[1])
	}
	return text
}
