package oauth_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/server/oauth"
	"github.com/claimsmith/claimsmith/storage"
)

const (
	appOrigin = "https://app.example.com"
	evil      = "https://evil.example.com"
)

// script sends a request as a script from an origin does.
func (i *issuer) script(method, path, origin string, header map[string]string, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Origin", origin)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for name, value := range header {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	i.mux.ServeHTTP(w, r)
	return w
}

func TestCrossOriginByClient(t *testing.T) {
	i := newIssuer(t)
	const login = "grant_type=password&client_id=app&username=alice&password="
	access := i.ask(t, "/oauth2/token", "", "grant_type=password", "client_id=app", "username=alice", "password=wonderland")["access_token"].(string)
	bearer := map[string]string{"Authorization": "Bearer " + access}
	for _, tt := range []struct {
		name, method, path, origin, body string
		header                           map[string]string
		allowed                          bool
	}{
		{"token", "POST", "/oauth2/token", appOrigin, login + "wonderland", nil, true},
		{"a refusal", "POST", "/oauth2/token", appOrigin, login + "wrong", nil, true},
		{"token, elsewhere", "POST", "/oauth2/token", evil, login + "wonderland", nil, false},
		{"a client that allows none", "POST", "/oauth2/token", appOrigin, "grant_type=client_credentials&client_id=portal&client_secret=portal-secret", nil, false},
		{"nobody's client", "POST", "/oauth2/token", appOrigin, "grant_type=password&client_id=nobody", nil, false},
		{"revoke", "POST", "/oauth2/revoke", appOrigin, "client_id=app&token=x", nil, true},
		{"revoke, elsewhere", "POST", "/oauth2/revoke", evil, "client_id=app&token=x", nil, false},
		{"userinfo", "GET", "/userinfo", appOrigin, "", bearer, true},
		{"userinfo, elsewhere", "GET", "/userinfo", evil, "", bearer, false},
		{"metadata", "GET", "/.well-known/openid-configuration", evil, "", nil, true},
	} {
		w := i.script(tt.method, tt.path, tt.origin, tt.header, tt.body)
		got := w.Header().Get("Access-Control-Allow-Origin")
		if (got != "") != tt.allowed || got != "" && got != tt.origin && got != "*" {
			t.Errorf("%s: status %d, allowed origin %q, want allowed %v", tt.name, w.Code, got, tt.allowed)
		}
		if w.Header().Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: cookies are allowed", tt.name)
		}
		if tt.name != "metadata" && !strings.Contains(strings.Join(w.Header().Values("Vary"), ","), "Origin") {
			t.Errorf("%s: Vary is %q", tt.name, w.Header().Values("Vary"))
		}
	}
	i.allow(t, func(p *storage.ClientPolicy) { p.Origins = []string{"*"} })
	if w := i.script("POST", "/oauth2/revoke", evil, nil, "client_id=portal&client_secret=portal-secret&token=x"); w.Header().Get("Access-Control-Allow-Origin") != evil {
		t.Errorf("a client that allows all: %v", w.Header())
	}
}

func TestPreflight(t *testing.T) {
	i := newIssuer(t)
	for path, methods := range map[string]string{"/oauth2/token": "POST", "/oauth2/revoke": "POST", "/userinfo": "GET, POST"} {
		w := i.script("OPTIONS", path, appOrigin, map[string]string{"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}, "")
		h := w.Header()
		if w.Code != http.StatusNoContent || h.Get("Access-Control-Allow-Origin") != appOrigin || h.Get("Access-Control-Allow-Methods") != methods ||
			h.Get("Access-Control-Allow-Headers") != "Authorization, Content-Type" {
			t.Errorf("%s: status %d, header %v", path, w.Code, h)
		}
	}
	// A service does not run in a browser.
	if w := i.script("OPTIONS", "/oauth2/introspect", appOrigin, map[string]string{"Access-Control-Request-Method": "POST"}, ""); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("introspection: status %d", w.Code)
	}
	if w := i.script("OPTIONS", "/oauth2/token", appOrigin, nil, ""); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("OPTIONS that is no preflight: status %d", w.Code)
	}
}

func TestOrigins(t *testing.T) {
	for text, ok := range map[string]bool{
		"https://app.example.com": true, "http://localhost:3000": true, "*": true, "app://desktop": true,
		"https://app.example.com/": false, "https://App.example.com": false, "app.example.com": false, "": false, "https://": false, "null": false,
		"https://a@app.example.com": false,
	} {
		if err := oauth.CheckOrigin(text); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}
