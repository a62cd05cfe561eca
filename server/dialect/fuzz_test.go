package dialect_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/claimsmith/claimsmith/internal/strictyaml"
	"github.com/claimsmith/claimsmith/server/dialect"
)

// FuzzRequest sends anything to every route of every dialect: the answer is the
// dialect's, and a token is only for who knows the password.
func FuzzRequest(f *testing.F) {
	var configs []dialect.Config
	for _, name := range dialect.Names() {
		configs = append(configs, dialect.Config{Dialect: load(f, name)})
	}
	s := newSite(f, configs...)
	type target struct{ name, method, path string }
	var targets []target
	for _, c := range configs {
		for _, r := range c.Dialect.Routes() {
			targets = append(targets, target{c.Dialect.Name, r.Method, r.Path})
		}
	}
	f.Add(uint(0), "", "application/json", "Bearer x", `{"email":"alice","password":"guess","company":"Acme","deviceId":null}`)
	f.Add(uint(3), "username=alice&password=%ff", "", "", "")
	f.Add(uint(4), "", "multipart/form-data; boundary=x", "Basic Y3Nr", "--x\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\na\r\n--x--")
	f.Add(uint(9), "cred=YWxpY2U6", "application/x-www-form-urlencoded;;", "basic", "a=b&a=c;&%")
	f.Add(uint(7), "", "application/json", "bearer eyJhbGciOiJIUzUxMiIsInppcCI6IkRFRiJ9.eJw.AAAA", `{"token":"eyJhbGciOiJIUzI1NiJ9.e30.","refreshToken":"crt_"}`)
	f.Fuzz(func(t *testing.T, route uint, query, contentType, authorization, body string) {
		on := targets[route%uint(len(targets))]
		r := httptest.NewRequest(on.method, "/", strings.NewReader(body))
		r.URL.Path, r.URL.RawQuery = strings.ReplaceAll(on.path, "{id}", "u-1"), query
		r.Header = http.Header{"Content-Type": {contentType}, "Authorization": {authorization}, "Cookie": {"authToken=" + authorization}}
		w := httptest.NewRecorder()
		s.mux.ServeHTTP(w, r)
		if !shapes[on.name].Match(w.Body.Bytes()) {
			t.Fatalf("%s: status %d, body %s", on.name, w.Code, w.Body)
		}
		if tokenText.MatchString(w.Body.String()) && !strings.Contains(body+query, "wonderland") {
			t.Fatalf("%s: a token for nobody: %s", on.name, w.Body)
		}
	})
}

// FuzzRead reads anything as a token: nothing that was not signed is believed.
func FuzzRead(f *testing.F) {
	s := newSite(f, dialect.Config{Dialect: load(f, "woodwing")})
	api, err := dialect.New(s.dialects["woodwing"].Config)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(s.login(f, "woodwing"))
	f.Add("eyJhbGciOiJIUzUxMiIsInppcCI6IkRFRiJ9.eJw.AAAA")
	f.Add("..")
	f.Fuzz(func(t *testing.T, text string) {
		if token, err := api.Read(t.Context(), text); err == nil && token.Username != "alice" {
			t.Errorf("believed %q", text)
		}
		api.Interpret(text)
	})
}

// FuzzLoad loads anything as a dialect: faults have a place, and what loads can
// be explained.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte("token: {claims: {a: \"${[1,2].map(x, x)}\"}}\nroutes: [{answers: {success: }}]\nanswers: {failure: [}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := dialect.Load("f.yaml", text)
		if err != nil {
			faults, ok := err.(strictyaml.Faults)
			if !ok || len(faults) == 0 || faults[0].Line < 1 || faults[0].Column < 1 {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		for _, r := range d.Routes() {
			d.Explain(httptest.NewRequest(r.Method, "/", strings.NewReader(`{"user":"a","pass":"b"}`)))
		}
	})
}

// FuzzMembers reads anything as a JSON object: what it has is what encoding/json
// finds, and nothing twice.
func FuzzMembers(f *testing.F) {
	for _, s := range []string{`{}`, ` { "a" : 1 , "b":[{"c":"}"}] }`, `{"a\"":"\\\"","":null,"d":{"e":[]}}`, `{"a":1,"a":2}`, `{"a":1}x`, `[1]`, `{"\ud800":-1.5e3}`, "{\"a\":true\n}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := dialect.Members(body)
		var want map[string]json.RawMessage
		wrong := json.Unmarshal(body, &want)
		if err == nil && (wrong != nil || want == nil) {
			t.Fatalf("%q: read %q, which is no object: %v", body, got, wrong)
		}
		if err != nil {
			if wrong == nil && want != nil && utf8.Valid(body) && len(want) <= 256 && !strings.Contains(err.Error(), "a member twice") {
				t.Errorf("%q: %v", body, err)
			}
			return
		}
		if len(got) != len(want) {
			t.Fatalf("%q: read %q, want %q", body, got, want)
		}
		for name, value := range want {
			if string(got[name]) != string(value) {
				t.Errorf("%q: member %q is %q, want %q", body, name, got[name], value)
			}
		}
	})
}
