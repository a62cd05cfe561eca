package dialect_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/server/dialect"
	"github.com/claimsmith/claimsmith/storage"
)

// TestTheEngineKnowsNoVendor keeps vendors in their files.
func TestTheEngineKnowsNoVendor(t *testing.T) {
	vendor := regexp.MustCompile(`(?i)asset.?infinity|woodwing|oisp|service.?mobility|crm.?com`)
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(files, "../dialects.go", "../dialectbackend.go") {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if found := vendor.FindString(string(text)); found != "" {
			t.Errorf("%s names %s", name, found)
		}
	}
}

// shapes are what every answer of a dialect looks like.
var shapes = map[string]*regexp.Regexp{
	"asset-infinity":  regexp.MustCompile(`^\{"isSuccess":(true|false),"message":"[^"]`),
	"woodwing":        regexp.MustCompile(`^\{"(loginSuccess|logoutSuccess|errorcode)":`),
	"oisp":            regexp.MustCompile(`^(\{"(code|token|kind)":|Not Authorized$)`),
	"servicemobility": regexp.MustCompile(`^\{("token":|"code":[0-9]+,"detail":\{"message":")`),
	"crm-com":         regexp.MustCompile(`^\{.*"status":\{"code":"(OK|COM\.CRM\.EXCEPTION\.[A-Z]+\.[A-Z]+EXCEPTION)"`),
}

// TestEveryAnswerIsTheDialects asks each route of each dialect what makes no
// sense: nobody sees a stack trace, HTML or an OAuth error.
func TestEveryAnswerIsTheDialects(t *testing.T) {
	bodies := []string{
		"", "{", "[]", "null", "{}", "\xff", `{"username":{}}`, `{"a":1,"a":2}`, strings.Repeat("[", 10_000), "username=a&password=%zz",
		`{"username":"` + strings.Repeat("a", 70<<10) + `"}`, `{"username":"` + strings.Repeat("a", 2<<10) + `","password":"x"}`, `{"username":"a\u0000","password":"x"}`,
	}
	for _, name := range dialect.Names() {
		d := load(t, name)
		s := newSite(t, dialect.Config{Dialect: d})
		paths := []string{d.Path, d.Path + "/", d.Path + "/no/such/path", d.Path + "/%2e%2e", d.Path + "/%00"}
		for _, r := range d.Routes() {
			paths = append(paths, strings.NewReplacer("{", "", "}", "").Replace(r.Path), r.Path+"?%zz")
		}
		for _, path := range paths {
			for _, method := range []string{"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"} {
				for _, contentType := range []string{"", "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ";"} {
					for _, body := range bodies {
						if !slices.Contains([]string{"POST", "PUT", "DELETE"}, method) && (contentType != "" || body != "") {
							continue // these have no bodies
						}
						u, err := url.Parse(path)
						if err != nil {
							continue
						}
						r := httptest.NewRequest(method, "/", strings.NewReader(body))
						r.URL = u
						r.Header["Content-Type"] = []string{contentType}
						w := httptest.NewRecorder()
						s.mux.ServeHTTP(w, r)
						if !shapes[name].Match(w.Body.Bytes()) || w.Header().Get("Cache-Control") != "no-store" {
							t.Fatalf("%s %s %q %.40q: status %d, body %s", method, path, contentType, body, w.Code, w.Body)
						}
					}
				}
			}
		}
	}
}

func TestAMultipartLogin(t *testing.T) {
	s := newSite(t, dialect.Config{Dialect: load(t, "woodwing")})
	var body strings.Builder
	form := multipart.NewWriter(&body)
	for name, value := range map[string]string{"username": "alice", "password": "wonderland", "clientType": "x"} {
		form.WriteField(name, value)
	}
	form.Close()
	r := httptest.NewRequest("POST", "/services/apilogin", strings.NewReader(body.String()))
	r.Header.Set("Content-Type", form.FormDataContentType())
	w := httptest.NewRecorder()
	s.mux.ServeHTTP(w, r)
	if !strings.Contains(w.Body.String(), `"loginSuccess":true`) {
		t.Error(w.Body)
	}
}

func TestALoginWritesNothing(t *testing.T) {
	for _, name := range dialect.Names() {
		s := newSite(t, dialect.Config{Dialect: load(t, name)})
		s.login(t, name) // fills the cache of clients
		before := s.db.Statements()
		s.login(t, name)
		if n := s.db.Statements() - before; n != 0 {
			t.Errorf("%s: a login takes %d statements", name, n)
		}
	}
}

// oauth posts a form to an OAuth endpoint as a client.
func (s *site) oauth(path, client string, form url.Values) string {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(client, client+"-secret")
	w := httptest.NewRecorder()
	s.mux.ServeHTTP(w, r)
	return w.Body.String()
}

func TestTokensAreIntrospectedAndRevokedLikeAnyOther(t *testing.T) {
	for _, name := range dialect.Names() {
		s := newSite(t, dialect.Config{Dialect: load(t, name)})
		active := func(token string) bool {
			var answer struct {
				Active  bool   `json:"active"`
				Client  string `json:"client_id"`
				Expires int64  `json:"exp"`
				ID      string `json:"jti"`
			}
			text := s.oauth("/oauth2/introspect", "fleet", url.Values{"token": {token}})
			if err := json.Unmarshal([]byte(text), &answer); err != nil {
				t.Fatalf("%s: %s: %v", name, text, err)
			}
			if answer.Active && (answer.Client != "fleet" || answer.ID == "" || time.Until(time.Unix(answer.Expires, 0)) < time.Minute) {
				t.Errorf("%s: %s", name, text)
			}
			return answer.Active
		}
		token := s.login(t, name)
		if !active(token) {
			t.Fatalf("%s: a new token is not active", name)
		}
		if s.oauth("/oauth2/revoke", "fleet", url.Values{"token": {token}}); active(token) {
			t.Errorf("%s: revoked by jti, it is active", name)
		}
		s.people.accounts[0].Email = "alice@elsewhere.example" // another payload, so another token where it has no id
		s.people.accounts[0].Subject = "u-alice-2"
		token = s.login(t, name)
		revocation := storage.Revocation{Issuer: issuerName, Kind: storage.KindSession, Value: s.read(t, name, token).Session, Expires: time.Now().Add(time.Hour)}
		if !active(token) {
			t.Fatalf("%s: a new token is not active", name)
		}
		if err := s.db.Revoke(t.Context(), revocation); err != nil {
			t.Fatal(err)
		}
		if active(token) {
			t.Errorf("%s: revoked by its session, it is active", name)
		}
	}
}

func TestAFollowUpDuringAnOutage(t *testing.T) {
	s := newSite(t, dialect.Config{Dialect: load(t, "oisp")})
	token := s.login(t, "oisp")
	me := func() *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", "/v1/api/auth/me", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		s.mux.ServeHTTP(w, r)
		return w
	}
	if w := me(); w.Code != http.StatusOK {
		t.Fatal(w.Body)
	}
	s.people.down = true
	if w := me(); w.Code != http.StatusServiceUnavailable {
		t.Errorf("plugin down: %d %s", w.Code, w.Body)
	}
	s.people.down = false
	s.people.accounts = nil
	if w := me(); w.Code != http.StatusUnauthorized || w.Body.String() != "Not Authorized" {
		t.Errorf("person gone: %d %s", w.Code, w.Body)
	}
	s.db.Close()
	if w := me(); w.Code < http.StatusInternalServerError {
		t.Errorf("storage down: %d %s", w.Code, w.Body)
	}
}

func TestOptionsAndForms(t *testing.T) {
	for what, tt := range map[string]struct {
		name   string
		config dialect.Config
		login  string
		want   string // of the answer's body
		claim  string // a claim that the token has
	}{
		"server version":   {"woodwing", dialect.Config{Options: map[string]any{"server_version": "7.0"}}, "", `"serverVersion":"7\.0"`, ""},
		"exp in ms":        {"oisp", dialect.Config{Times: "milliseconds"}, "", "", `"exp":[0-9]{13}\b`},
		"exp as ISO":       {"oisp", dialect.Config{}, "", "", `"exp":"20[0-9T:.-]+Z"`},
		"expdb for all":    {"servicemobility", dialect.Config{Options: map[string]any{"expdb": int64(60)}}, "", "", `"expdb":60\b`},
		"expdb of theirs":  {"servicemobility", dialect.Config{}, `{"username":"member","password":"right"}`, "", `"expdb":480\b`},
		"strict status":    {"servicemobility", dialect.Config{Options: map[string]any{"strict_status": true}}, `{"username":"down","password":"right"}`, `"code":500`, ""},
		"strict, denied":   {"servicemobility", dialect.Config{Options: map[string]any{"strict_status": true}}, `{"username":"x","password":"y"}`, `"code":401`, ""},
		"another path":     {"servicemobility", dialect.Config{Path: "/any/path"}, "", `"token":`, ""},
		"another lifetime": {"asset-infinity", dialect.Config{Lifetime: time.Hour}, "", `"tokenExpiryMinutes":60`, ""},
		"moved: exp":       {"crm-com", dialect.Config{Algorithm: "RS256"}, "", "", `"exp":[0-9]{10}\b`},
	} {
		t.Run(what, func(t *testing.T) {
			tt.config.Dialect = load(t, tt.name)
			s := newSite(t, tt.config)
			path, body := logins[tt.name].path, logins[tt.name].body
			if tt.config.Path != "" {
				path = tt.config.Path
			}
			if tt.login != "" {
				body = tt.login
			}
			answer := s.post(path, body).Body.String()
			if !regexp.MustCompile(tt.want).MatchString(answer) {
				t.Errorf("answer %s", answer)
			}
			if tt.claim == "" {
				return
			}
			claims, err := json.Marshal(s.read(t, tt.name, tokenText.FindString(answer)).Claims)
			if err != nil {
				t.Fatal(err)
			}
			if !regexp.MustCompile(tt.claim).Match(claims) {
				t.Errorf("claims %s", claims)
			}
		})
	}
}

func TestSettingsThatDoNotFit(t *testing.T) {
	for want, c := range map[string]dialect.Config{
		`options.server_versoin: the dialect has no such option`: {Options: map[string]any{"server_versoin": "7"}},
		`options.server_version: a text is wanted`:               {Options: map[string]any{"server_version": int64(7)}},
		`algorithm: there is no HS1`:                             {Algorithm: "HS1"},
		`path: does not begin with a slash`:                      {Path: "services"},
	} {
		c.Dialect = load(t, "woodwing")
		if _, err := dialect.New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// noSecrets cannot tell a secret.
type noSecrets struct{}

func (noSecrets) Secret(context.Context, string) ([]byte, [][]byte, error) {
	return nil, nil, fmt.Errorf("read secrets: %w", io.ErrUnexpectedEOF)
}

func TestWithoutASecretNothingIsSignedOrBelieved(t *testing.T) {
	s := newSite(t, dialect.Config{Dialect: load(t, "crm-com")})
	token := s.login(t, "crm-com")
	c := s.dialects["crm-com"].Config
	c.Secrets = noSecrets{}
	api, err := dialect.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := api.Read(t.Context(), token); err == nil {
		t.Error("a token was believed")
	}
}
