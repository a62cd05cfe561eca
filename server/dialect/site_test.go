package dialect_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/jwks"
	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server"
	"github.com/claimsmith/claimsmith/server/dialect"
	"github.com/claimsmith/claimsmith/server/oauth"
	"github.com/claimsmith/claimsmith/storage"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

const (
	issuerName = "main"
	issuerURL  = "https://login.example.com"
	audience   = "https://api.example.com"
)

// site is an issuer with real storage and keys, and a chain of stubs.
type site struct {
	db       *storage.DB
	ring     *jwks.Ring
	people   *people
	provider *oauth.Provider
	mux      *http.ServeMux
	dialects map[string]*server.Dialect
	usage    *dialect.Usage
}

// newSite returns a site that serves dialects, each over the client "fleet".
func newSite(t testing.TB, configs ...dialect.Config) *site {
	t.Helper()
	s := &site{db: openStorage(t), ring: openRing(), people: newPeople(), mux: http.NewServeMux(), dialects: map[string]*server.Dialect{}, usage: dialect.NewUsage()}
	config := oauth.Config{
		Name: issuerName, Issuer: issuerURL, Audience: []string{audience},
		AccessTokenLifetime: 10 * time.Minute, LongestLifetime: 24 * time.Hour,
		RefreshIdle: 24 * time.Hour, RefreshAbsolute: 72 * time.Hour, RefreshGrace: 10 * time.Second,
		RefreshKey: []byte("0123456789abcdef0123456789abcdef"),
		Clients:    storage.NewClientCache(s.db), Sessions: s.db, Revocations: s.db, Assertions: s.db,
		Chain: s.people, Signer: s.ring, Verifier: s.ring, JWKS: s.ring,
	}
	for _, c := range configs {
		c.IssuerName, c.Issuer = issuerName, issuerURL
		if c.Secrets == nil {
			c.Secrets = secrets{}
		}
		d, err := server.NewDialect(server.DialectConfig{
			Config: c, Client: "fleet", Audience: config.Audience, Ring: s.ring, Clients: config.Clients, People: s.people, Usage: s.usage,
		})
		if err != nil {
			t.Fatal(err)
		}
		s.dialects[c.Dialect.Name] = d
		config.TokenFinders = append(config.TokenFinders, d.FindToken)
	}
	for _, c := range []storage.Client{
		{ID: "fleet", Grants: []string{oauth.GrantPassword, oauth.GrantAPIKey, oauth.GrantRefreshToken}},
		{ID: "portal", Grants: []string{oauth.GrantPassword}},
		{ID: "watch", Grants: []string{oauth.GrantClientCredentials}},
	} {
		c.Issuer, c.Scopes = issuerName, []string{"read", "write", oauth.ScopeOfflineAccess}
		c.Secrets = []storage.SecretHash{{Hash: oauth.HashClientSecret(sdk.Secret(c.ID + "-secret"))}}
		if err := s.db.CreateClient(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	s.provider = oauth.New(config)
	s.provider.Mount(s.mux)
	for _, d := range s.dialects {
		d.Over(s.provider).Mount(s.mux)
	}
	return s
}

func openStorage(t testing.TB) *storage.DB {
	t.Helper()
	db, err := storage.Open(t.Context(), sqldb.Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "test.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

// openRing opens the one ring of these tests: an RSA key takes a while to make.
var openRing = sync.OnceValue(func() *jwks.Ring {
	sealer, err := jwks.NewSealer(map[string][]byte{"test": make([]byte, 32)}, "test")
	if err != nil {
		panic(err)
	}
	ring, err := jwks.Open(context.Background(), jwks.Config{
		Issuer: issuerName, Algorithms: []string{"ES256", "RS256"}, Store: new(jwks.MemoryStore), Sealer: sealer, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		panic(err)
	}
	return ring
})

// secrets gives each dialect a secret of its own that it has had for ever, and
// one that it signed with before.
type secrets struct{}

func (secrets) Secret(_ context.Context, name string) ([]byte, [][]byte, error) {
	return secretOf(name), [][]byte{secretOf(name), secretOf("before " + name)}, nil
}

func secretOf(name string) []byte { return []byte(strings.Repeat(name+" ", 64)[:64]) }

// people is a chain whose identities hold what the built-in users table tells.
type people struct {
	accounts []account
	down     bool
}

type account struct {
	sdk.Identity
	password string
	refusal  error // after the password was right
}

func newPeople() *people {
	p := new(people)
	add := func(username, organisation, password string, refusal error, change func(*sdk.Identity)) {
		id := sdk.Identity{
			Subject: "u-" + username + "-" + strings.ToLower(organisation), Username: username, Organisation: organisation,
			Name: "Alice Liddell", Email: username + "@example.com", Unit: "north", Units: []string{"north", "south"},
			Groups: []string{"staff"}, Roles: []string{"editor", "viewer"}, Plugin: "people",
			Claims: map[string]any{
				"default_unit": "north", "user_type": "person", "time_zone": "Europe/London", "date_format": "dd/MM/yyyy",
				"email_verified": true, "created": int64(1600000000000), "updated": int64(1700000000000),
			},
		}
		if change != nil {
			change(&id)
		}
		p.accounts = append(p.accounts, account{id, password, refusal})
	}
	add("alice", "Acme", "wonderland", nil, nil)
	add("bob", "Acme", "acme-password", nil, nil)
	add("bob", "Globex", "globex-password", nil, nil)
	add("plain", "", "plain", nil, func(id *sdk.Identity) {
		*id = sdk.Identity{Subject: id.Subject, Username: id.Username, Plugin: id.Plugin, Claims: map[string]any{"created": int64(0), "updated": int64(0)}}
	})
	add("unverified", "Acme", "right", nil, func(id *sdk.Identity) { id.Claims["email_verified"] = false })
	add("member", "Acme", "right", nil, func(id *sdk.Identity) {
		id.Claims["accounts"] = []any{map[string]any{"id": "a-1", "name": "Factory", "role": "admin"}}
		id.Claims["expdb"] = int64(480)
	})
	for name, reason := range map[string]sdk.Reason{"locked": sdk.Locked, "disabled": sdk.Disabled, "expired": sdk.Expired, "must-change": sdk.MustChange} {
		add(name, "Acme", "right", sdk.Denied(reason), nil)
	}
	add("throttled", "Acme", "right", throttledError{}, nil)
	add("down", "Acme", "right", sdk.Unavailable(errors.New("database: connection refused")), nil)
	add("unusable", "Acme", "right", nil, func(id *sdk.Identity) {
		for _, claim := range []string{"expdb", "user_type", "date_format", "accounts"} {
			id.Claims[claim] = map[string]any{"deep": deep(40)}
		}
	})
	return p
}

// throttledError is what the throttle in front of a chain says.
type throttledError struct{}

func (throttledError) Error() string            { return "throttled" }
func (throttledError) Throttled() time.Duration { return 30 * time.Second }

// deep returns a list within lists that no shape can write.
func deep(n int) any {
	if n == 0 {
		return "bottom"
	}
	return []any{deep(n - 1)}
}

func (p *people) Authenticate(_ context.Context, r sdk.Request) (sdk.Identity, error) {
	if p.down {
		return sdk.Identity{}, sdk.Unavailable(errors.New("database: connection refused"))
	}
	if r.Credential.Kind == sdk.APIKey {
		if r.Credential.Secret != "csk_good" {
			return sdk.Identity{}, sdk.ErrUnknown
		}
		return p.accounts[0].admit(r.Attributes["unit"])
	}
	var found []account
	for _, a := range p.accounts {
		asked := r.Attributes["organisation"]
		if a.Username == r.Credential.Username && (asked == "" || strings.EqualFold(asked, a.Organisation)) {
			found = append(found, a)
		}
	}
	switch {
	case len(found) == 0:
		return sdk.Identity{}, sdk.ErrUnknown
	case len(found) > 1, found[0].password != r.Credential.Secret.Reveal():
		return sdk.Identity{}, sdk.Denied(sdk.Invalid)
	}
	return found[0].admit(r.Attributes["unit"])
}

func (a account) admit(unit string) (sdk.Identity, error) {
	switch id := a.Identity; {
	case a.refusal != nil:
		return sdk.Identity{}, a.refusal
	case unit == "":
		return id, nil
	case !slices.Contains(id.Units, unit):
		return sdk.Identity{}, sdk.Denied(sdk.Invalid)
	default:
		id.Unit = unit
		return id, nil
	}
}

func (p *people) Lookup(_ context.Context, name string) (sdk.Identity, error) {
	if p.down {
		return sdk.Identity{}, sdk.Unavailable(errors.New("database: connection refused"))
	}
	for _, a := range p.accounts {
		if a.Subject == name || a.Username == name {
			return a.Identity, nil
		}
	}
	return sdk.Identity{}, sdk.ErrUnknown
}

func (p *people) Refresh(_ context.Context, id sdk.Identity) (sdk.Identity, error) {
	for _, a := range p.accounts {
		if a.Subject == id.Subject {
			return a.admit(id.Unit)
		}
	}
	return sdk.Identity{}, sdk.ErrUnknown
}
