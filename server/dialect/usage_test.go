package dialect_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/server/dialect"
)

// from asks as a program with a User-Agent.
func (s *site) from(userAgent, method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("User-Agent", userAgent)
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.mux.ServeHTTP(w, r)
	return w
}

func TestUsageTellsWhoStillComes(t *testing.T) {
	s := newSite(t, dialect.Config{Dialect: load(t, "asset-infinity"), Name: "assets"})
	began := time.Now()
	const right, wrong = `{"email":"alice","password":"wonderland","company":"Acme"}`, `{"email":"alice","password":"x","company":"Acme"}`
	token := tokenText.FindString(s.from("AssetApp/4.2 (Android 9)", "POST", "/api/auth/signin", right).Body.String())
	s.from("AssetApp/5.0", "POST", "/api/auth/signin", right)
	s.from("AssetApp/5.0", "POST", "/api/auth/signin", wrong)
	s.from("okhttp/3.12", "GET", "/api/auth", "", "Authorization", "Bearer "+token)
	s.from("scanner", "POST", "/api/auth/signin", wrong) // has proved nothing
	s.from("", "POST", "/api/auth/signin", right)
	s.from("AssetApp/5.0", "GET", "/api/auth/nothing", "")
	var got []string
	for _, u := range s.usage.Uses() {
		got = append(got, fmt.Sprint(u.Issuer, " ", u.Dialect, " ", u.Route, " ", u.UserAgent, ": ", u.Requests, " requests, ", u.Logins, " logins"))
		if u.Last.Before(began) || u.Last.After(time.Now()) {
			t.Errorf("%s: last used at %v", u.UserAgent, u.Last)
		}
	}
	want := []string{
		"main assets none AssetApp: 1 requests, 0 logins",
		"main assets session okhttp: 1 requests, 0 logins",
		"main assets signin AssetApp: 3 requests, 2 logins",
		"main assets signin none: 1 requests, 1 logins",
		"main assets signin other: 1 requests, 0 logins",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("uses (-want +got):\n%s", diff)
	}
}

// TestStrangersDoNotFillTheList holds the labels of metrics to a number, and
// places among them to those who know a password.
func TestStrangersDoNotFillTheList(t *testing.T) {
	s := newSite(t, dialect.Config{Dialect: load(t, "servicemobility")})
	ask := func(agent, password string) {
		s.from(agent, "POST", "/createjwt", fmt.Sprintf(`{"username":"alice","password":%q}`, password))
	}
	for i := range 100 {
		ask(fmt.Sprintf("stranger%d/1", i), "guess")
	}
	ask(strings.Repeat("x", 41), "wonderland")
	for i := range 25 {
		ask(fmt.Sprintf("app%d/1", i), "wonderland")
	}
	uses := s.usage.Uses()
	named := map[string]int64{}
	for _, u := range uses {
		named[u.UserAgent] = u.Requests
	}
	if len(uses) != 21 || named["other"] != 100+1+5 || named["app0"] != 1 || named["app19"] != 1 || named["app20"] != 0 {
		t.Errorf("%d uses: %v", len(uses), named)
	}
}

// TestAnEndIsAnnounced reads the headers of RFC 9745 and RFC 8594, on successes
// and refusals.
func TestAnEndIsAnnounced(t *testing.T) {
	s := newSite(t, dialect.Config{
		Dialect: load(t, "servicemobility"), Deprecated: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), Sunset: time.Date(2027, 6, 30, 0, 0, 0, 0, time.UTC),
	}, dialect.Config{Dialect: load(t, "oisp")})
	for path, body := range map[string]string{"/createjwt": `{"username":"alice","password":"wonderland"}`, "/createjwt/nothing": "{"} {
		h := s.post(path, body).Header()
		if h.Get("Deprecation") != "@1798761600" || h.Get("Sunset") != "Wed, 30 Jun 2027 00:00:00 GMT" {
			t.Errorf("%s: %v", path, h)
		}
	}
	if h := s.post("/v1/api/auth/token", "{}").Header(); h["Deprecation"] != nil || h["Sunset"] != nil {
		t.Errorf("a dialect that goes on: %v", h)
	}
	for _, m := range []string{http.MethodOptions, http.MethodHead} {
		if h := s.from("x", m, "/createjwt", "").Header(); h.Get("Sunset") == "" {
			t.Errorf("%s: %v", m, h)
		}
	}
}
