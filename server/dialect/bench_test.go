package dialect_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/server/dialect"
)

// BenchmarkLogin is a login without a network by the token endpoint and by each
// dialect. Those that are "moved" sign as the token endpoint does, by ES256;
// the others by the dialect's own algorithm.
func BenchmarkLogin(b *testing.B) {
	b.Run("token endpoint", func(b *testing.B) {
		s := newSite(b)
		bench(b, s, tokenRequest)
	})
	for _, name := range dialect.Names() {
		for kind, algorithm := range map[string]string{"": "", " moved": "ES256"} {
			b.Run(name+kind, func(b *testing.B) {
				s := newSite(b, dialect.Config{Dialect: load(b, name), Algorithm: algorithm})
				bench(b, s, func() *http.Request { return loginRequest(name) })
			})
		}
	}
}

// tokenRequest is a login at the token endpoint.
func tokenRequest() *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/oauth2/token", strings.NewReader("grant_type=password&username=alice&password=wonderland"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("portal", "portal-secret")
	return r
}

// loginRequest is the same login by a dialect.
func loginRequest(name string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, logins[name].path, strings.NewReader(logins[name].body))
	if logins[name].body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

func bench(b *testing.B, s *site, request func() *http.Request) {
	b.ReportAllocs()
	for b.Loop() {
		s.serve(b, request())
	}
}

func (s *site) serve(t testing.TB, r *http.Request) {
	w := httptest.NewRecorder()
	s.mux.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatal(w.Body)
	}
}

// TestADialectIsAsFrugalAsTheTokenEndpoint counts what one login allocates in
// either spelling, with the same signature.
func TestADialectIsAsFrugalAsTheTokenEndpoint(t *testing.T) {
	plain := newSite(t)
	floor := testing.AllocsPerRun(50, func() { plain.serve(t, tokenRequest()) })
	for _, name := range dialect.Names() {
		s := newSite(t, dialect.Config{Dialect: load(t, name), Algorithm: "ES256"})
		if n := testing.AllocsPerRun(50, func() { s.serve(t, loginRequest(name)) }); n > 1.25*floor {
			t.Errorf("%s: %.0f allocations, %.0f at the token endpoint", name, n, floor)
		}
	}
}
