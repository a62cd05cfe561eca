package oauth_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/server/oauth"
	"github.com/claimsmith/claimsmith/storage"
)

// BenchmarkToken is the token endpoint without a network: parsing, client
// authentication, fosite, claims and one ES256 signature. The chain of these
// tests only compares.
func BenchmarkToken(b *testing.B) {
	shaped, err := oauth.ParseClaims("claims", []byte(issuerClaims))
	if err != nil {
		b.Fatal(err)
	}
	for _, bench := range []struct {
		name, body string
		claims     *oauth.Claims
	}{
		{"client_credentials", "grant_type=client_credentials&scope=read", nil},
		{"password", "grant_type=password&username=alice&password=wonderland&scope=read", nil},
		{"password with claims", "grant_type=password&username=alice&password=wonderland&scope=read", shaped},
		{"password with refresh token", "grant_type=password&username=alice&password=wonderland&scope=offline_access", nil},
	} {
		b.Run(bench.name, func(b *testing.B) {
			i := newIssuer(b, func(c *oauth.Config) {
				c.Claims = bench.claims
				c.Clients = storage.NewClientCache(c.Sessions.(*storage.DB))
			})
			b.ReportAllocs()
			for b.Loop() {
				i.people.asked = nil
				r := httptest.NewRequest(http.MethodPost, "/oauth2/token", strings.NewReader(bench.body))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.SetBasicAuth("portal", "portal-secret")
				w := httptest.NewRecorder()
				i.mux.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					b.Fatal(w.Body)
				}
			}
		})
	}
}

// TestStatementsPerToken holds how often storage is asked for each grant.
func TestStatementsPerToken(t *testing.T) {
	i := newIssuer(t, func(c *oauth.Config) {
		c.Clients = storage.NewClientCache(c.Sessions.(*storage.DB))
	})
	refresh := i.login(t, "scope=offline_access").Refresh // fills the cache
	for _, tt := range []struct {
		name string
		most int64
		ask  func() answer
	}{
		{"client_credentials", 0, func() answer { return i.post(t, "grant_type=client_credentials") }},
		{"password", 0, func() answer { return i.login(t, "scope=read") }},
		{"refresh", 5, func() answer { return i.refresh(t, refresh) }},
	} {
		before := i.db.Statements()
		if a := tt.ask(); a.Status != http.StatusOK {
			t.Errorf("%s: %+v", tt.name, a)
		}
		if n := i.db.Statements() - before; n > tt.most {
			t.Errorf("%s takes %d statements, want at most %d", tt.name, n, tt.most)
		}
	}
}
