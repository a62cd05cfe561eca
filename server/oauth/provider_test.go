package oauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cespare/webtest"

	"github.com/claimsmith/claimsmith/jwks"
	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server/oauth"
	"github.com/claimsmith/claimsmith/storage"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

const (
	issuerURL  = "https://login.example.com"
	issuerName = "main"
	audience   = "https://api.example.com"
)

// people is a chain with a handful of principals.
type people struct {
	refresh func(sdk.Identity) (sdk.Identity, error) // nil: every identity still holds
	down    bool
	asked   []sdk.Request
}

func (p *people) Authenticate(_ context.Context, r sdk.Request) (sdk.Identity, error) {
	p.asked = append(p.asked, r)
	c := r.Credential
	switch {
	case p.down:
		return sdk.Identity{}, sdk.Unavailable(errors.New("directory: connection refused"))
	case c.Kind == sdk.APIKey && c.Secret == "good-key":
		return sdk.Identity{Subject: "key-owner", Scopes: []string{"read"}, Plugin: "keys"}, nil
	case c.Kind == sdk.APIKey && c.Secret == "ending-key":
		return sdk.Identity{Subject: "key-owner", Expires: time.Now().Add(time.Minute), Plugin: "keys"}, nil
	case c.Username == "alice" && c.Secret == "wonderland":
		return alice, nil
	case c.Username == "namesake":
		return sdk.Identity{Subject: "portal", Plugin: "people"}, nil
	case c.Username == "disabled":
		return sdk.Identity{}, sdk.Denied(sdk.Disabled)
	case c.Username == "down":
		return sdk.Identity{}, sdk.Unavailable(errors.New("directory: connection refused"))
	case c.Username == "alice":
		return sdk.Identity{}, sdk.Denied(sdk.Invalid)
	}
	return sdk.Identity{}, sdk.ErrUnknown
}

func (p *people) Refresh(_ context.Context, id sdk.Identity) (sdk.Identity, error) {
	if p.refresh == nil {
		return id, nil
	}
	return p.refresh(id)
}

var alice = sdk.Identity{
	Subject: "u-1", Username: "alice", Name: "Alice Liddell", Email: "alice@example.com",
	Groups: []string{"staff"}, Claims: map[string]any{"level": int64(3)}, Plugin: "people",
}

// issuer is a provider over real storage and real keys.
type issuer struct {
	*oauth.Provider
	db     *storage.DB
	ring   *jwks.Ring
	people *people
	mux    *http.ServeMux
}

// newIssuer returns an issuer with the clients portal (confidential) and app
// (public), and the services api and other.
func newIssuer(t testing.TB, change ...func(*oauth.Config)) *issuer {
	t.Helper()
	db := openStorage(t)
	ring := openRing(t)
	chain := new(people)
	config := oauth.Config{
		Name: issuerName, Issuer: issuerURL, Audience: []string{audience, "https://other.example.com"},
		AccessTokenLifetime: 10 * time.Minute, LongestLifetime: time.Hour,
		RefreshIdle: 24 * time.Hour, RefreshAbsolute: 72 * time.Hour, RefreshGrace: 10 * time.Second,
		RefreshKey: []byte("0123456789abcdef0123456789abcdef"),
		Algorithms: []string{"ES256"},
		Clients:    directClients{db}, Sessions: db, Revocations: db, Assertions: db, Chain: chain,
		Signer: ring, Verifier: ring, JWKS: ring,
	}
	for _, c := range change {
		c(&config)
	}
	for _, c := range []storage.Client{
		{
			Issuer: issuerName, ID: "portal",
			Secrets: []storage.SecretHash{{Hash: oauth.HashClientSecret("portal-secret")}},
			Grants:  oauth.Grants, Scopes: []string{"read", "write", "offline_access"},
		},
		{
			Issuer: issuerName, ID: "app", Grants: []string{oauth.GrantPassword},
			Scopes: []string{"read"}, AccessTokenLifetime: 5 * time.Minute,
			ClientPolicy: storage.ClientPolicy{Origins: []string{"https://app.example.com"}},
		},
		{
			Issuer: issuerName, ID: "api", Audience: []string{audience},
			Secrets: []storage.SecretHash{{Hash: oauth.HashClientSecret("api-secret")}},
			Grants:  []string{oauth.GrantTokenExchange}, Scopes: []string{"read", "write"},
			ClientPolicy: storage.ClientPolicy{Exchange: []string{"https://orders.example.com", "https://stock.example.com"}},
		},
		{
			Issuer: issuerName, ID: "other", Audience: []string{"https://other.example.com"},
			Secrets: []storage.SecretHash{{Hash: oauth.HashClientSecret("other-secret")}},
			Grants:  []string{oauth.GrantClientCredentials},
		},
		{
			Issuer: issuerName, ID: "auditor", ClientPolicy: storage.ClientPolicy{IntrospectAny: true},
			Secrets: []storage.SecretHash{{Hash: oauth.HashClientSecret("auditor-secret")}},
		},
	} {
		if err := db.CreateClient(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	p := oauth.New(config)
	mux := http.NewServeMux()
	p.Mount(mux)
	return &issuer{p, db, ring, chain, mux}
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

func openRing(t testing.TB) *jwks.Ring {
	t.Helper()
	sealer, err := jwks.NewSealer(map[string][]byte{"test": make([]byte, 32)}, "test")
	if err != nil {
		t.Fatal(err)
	}
	ring, err := jwks.Open(t.Context(), jwks.Config{
		Issuer: issuerName, Store: new(jwks.MemoryStore), Sealer: sealer, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// directClients reads clients from storage each time.
type directClients struct{ db *storage.DB }

func (d directClients) Client(ctx context.Context, issuer, id string) (*storage.Client, error) {
	c, err := d.db.Client(ctx, issuer, id)
	return &c, err
}

func (d directClients) Scopes(ctx context.Context, issuer string) ([]string, error) {
	return d.db.Scopes(ctx, issuer)
}

// answer is what the token endpoint answered.
type answer struct {
	Status  int
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	Expires int    `json:"expires_in"`
	Scope   string `json:"scope"`
	Error   string `json:"error"`
}

// post asks the token endpoint as the client portal; parameters are NAME=VALUE.
func (i *issuer) post(t testing.TB, parameters ...string) answer {
	t.Helper()
	form := url.Values{}
	for _, p := range parameters {
		name, value, _ := strings.Cut(p, "=")
		form.Add(name, value)
	}
	r := httptest.NewRequest(http.MethodPost, "/oauth2/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("portal", "portal-secret")
	w := httptest.NewRecorder()
	i.mux.ServeHTTP(w, r)
	a := answer{Status: w.Code}
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		t.Fatalf("answer %q: %v", w.Body, err)
	}
	return a
}

// login returns the answer to alice's password.
func (i *issuer) login(t testing.TB, parameters ...string) answer {
	t.Helper()
	return i.post(t, append([]string{"grant_type=password", "username=alice", "password=wonderland"}, parameters...)...)
}

// claims returns the claims of a token that the issuer's keys verify.
func (i *issuer) claims(t testing.TB, token string) map[string]any {
	t.Helper()
	v, err := i.ring.Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if v.Typ != "at+jwt" {
		t.Errorf("typ %q, want at+jwt", v.Typ)
	}
	var claims map[string]any
	if err := json.Unmarshal(v.Payload, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

func TestTranscripts(t *testing.T) {
	webtest.TestHandler(t, "testdata/*.txt", newIssuer(t).mux)
}

func TestAnEmptyPasswordReachesNoPlugin(t *testing.T) {
	i := newIssuer(t)
	if a := i.post(t, "grant_type=password", "username=alice", "password="); a.Error != "invalid_request" {
		t.Errorf("error %q", a.Error)
	}
	if len(i.people.asked) != 0 {
		t.Error("the chain was asked")
	}
}
