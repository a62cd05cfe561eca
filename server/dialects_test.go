package server_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/claimsmith/claimsmith/server"
	"github.com/claimsmith/claimsmith/server/audit"
	"github.com/claimsmith/claimsmith/server/dialect"
)

// greeter is a dialect whose callers read nothing but its own answers.
const greeter = `dialect: greeter
path: /api
token:
  algorithm: HS256
  claims: {sub: "${identity.subject}", exp: "${token.exp}"}
  read: {subject: "${claims.sub}"}
routes:
  - {name: hello, kind: health, method: POST, path: /hello, answers: {success: {body: {say: hello}}}}
answers:
  failure: {body: {wrong: "${failure.outcome}"}}
`

// withGreeter adds the dialect to a server.
func withGreeter(t *testing.T, path string) func(*server.Config) {
	t.Helper()
	d, err := dialect.Load("greeter.yaml", []byte(greeter))
	if err != nil {
		t.Fatal(err)
	}
	api, err := dialect.New(dialect.Config{Dialect: d, Path: path})
	if err != nil {
		t.Fatal(err)
	}
	return func(c *server.Config) { c.Site.Endpoints = append(c.Site.Endpoints, &dialect.Endpoint{API: api}) }
}

// TestEveryPathIsAnsweredByTheDialect asks for paths as clients write them who
// put two strings together. The redirect of net/http is not for them.
func TestEveryPathIsAnsweredByTheDialect(t *testing.T) {
	for base, paths := range map[string]map[string]string{
		"": {
			"/api/hello": `{"say":"hello"}`, "//api/hello": `{"say":"hello"}`, "/api//hello": `{"say":"hello"}`, "///api///hello/": `{"say":"hello"}`,
			"/api/./hello": `{"wrong":"not_found"}`, "/x/../api/hello": `{"wrong":"not_found"}`, "/api/%2e%2e/hello": `{"wrong":"not_found"}`,
			"/api/%2Fhello": `{"say":"hello"}`, "/api//nothing": `{"wrong":"not_found"}`, "//api": `{"wrong":"not_found"}`, "/api": `{"wrong":"not_found"}`,
		},
		"/": {"/hello": `{"say":"hello"}`, "//hello": `{"say":"hello"}`, "//": `{"wrong":"not_found"}`, "/../hello": `{"wrong":"not_found"}`},
	} {
		s := httptest.NewServer(newServer(new(lines), withGreeter(t, base)).Handler())
		defer s.Close()
		client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		for path, want := range paths {
			resp, err := client.Post(s.URL+path, "application/json", nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := bodyOf(t, resp); got != want {
				t.Errorf("base %q, path %s: status %d, body %s, want %s", base, path, resp.StatusCode, got, want)
			}
		}
	}
}

// TestAHostHasNoLetterCase asks at a dialect's host as people write it
// (RFC 9110 section 4.2.3).
func TestAHostHasNoLetterCase(t *testing.T) {
	d, err := dialect.Load("greeter.yaml", []byte(greeter))
	if err != nil {
		t.Fatal(err)
	}
	for _, configured := range []string{"sso.example.com", "SSO.example.com"} {
		api, err := dialect.New(dialect.Config{Dialect: d, Host: configured})
		if err != nil {
			t.Fatal(err)
		}
		handler := newServer(new(lines), func(c *server.Config) {
			c.Site.Endpoints = append(c.Site.Endpoints, &dialect.Endpoint{API: api})
		}).Handler()
		for host, want := range map[string]int{"sso.example.com": 200, "Sso.Example.COM": 200, "SSO.EXAMPLE.COM:8443": 200, "other.example.com": 404} {
			for _, path := range []string{"/api/hello", "/api//hello"} {
				r := httptest.NewRequest(http.MethodPost, path, nil)
				r.Host = host
				w := httptest.NewRecorder()
				if handler.ServeHTTP(w, r); w.Code != want {
					t.Errorf("configured %s, asked at %s: %d", configured, host, w.Code)
				}
			}
		}
	}
}

func bodyOf(t *testing.T, resp *http.Response) string {
	t.Helper()
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestARequiredLogThatIsFullRefusesInTheDialect holds that also what the server
// itself refuses is told in the caller's spelling.
func TestARequiredLogThatIsFullRefusesInTheDialect(t *testing.T) {
	l := new(lines)
	s := newServer(l, withGreeter(t, ""), func(c *server.Config) {
		c.Audit = audit.New(audit.Config{Lines: slog.NewJSONHandler(l, nil), Required: true})
	})
	l.full.Store(true)
	for i := range 3 {
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/api/nothing", nil))
		if w.Body.String() != `{"wrong":"unavailable"}` || w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "1" {
			t.Errorf("request %d: %d %s %v", i, w.Code, w.Body, w.Header())
		}
	}
}
