package dialect_test

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/server/dialect"
)

// logins are a login to each dialect, over the paths that it has by default.
var logins = map[string]struct{ path, body string }{
	"asset-infinity":  {"/api/auth/signin", `{"email":"alice","password":"wonderland","company":"Acme"}`},
	"woodwing":        {"/services/apilogin?username=alice&password=wonderland", ""},
	"oisp":            {"/v1/api/auth/token", `{"username":"alice","password":"wonderland"}`},
	"servicemobility": {"/createjwt", `{"username":"alice","password":"wonderland"}`},
	"crm-com":         {"/crmapi/rest/v2/authentication/token", `{"username":"alice","password":"wonderland","organisation":"Acme"}`},
}

// post returns the answer to a JSON post, or to one without a body.
func (s *site) post(path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	s.mux.ServeHTTP(w, r)
	return w
}

// login returns alice's token from a dialect.
func (s *site) login(t testing.TB, name string) string {
	t.Helper()
	w := s.post(logins[name].path, logins[name].body)
	token := tokenText.FindString(w.Body.String())
	if token == "" {
		t.Fatalf("%s: status %d, body %s", name, w.Code, w.Body)
	}
	return token
}

// read returns a token of the site's dialect, read back.
func (s *site) read(t testing.TB, name, text string) *dialect.Token {
	t.Helper()
	api, err := dialect.New(s.dialects[name].Config)
	if err != nil {
		t.Fatal(err)
	}
	token, err := api.Read(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// typesOf names the JSON types of an object's members.
func typesOf(object map[string]any) map[string]string {
	types := map[string]string{}
	for name, v := range object {
		switch v := v.(type) {
		case nil:
			types[name] = "null"
		case string:
			types[name] = "string"
		case bool:
			types[name] = "bool"
		case json.Number:
			types[name] = "integer"
			if strings.ContainsAny(string(v), ".eE") {
				types[name] = "number"
			}
		case []any:
			types[name] = "array"
		case map[string]any:
			types[name] = "object"
		}
	}
	return types
}

func TestTokensHaveTheDocumentedNamesAndTypes(t *testing.T) {
	text := func(names ...string) map[string]string {
		m := map[string]string{}
		for _, n := range names {
			m[n] = "string"
		}
		return m
	}
	with := func(m map[string]string, kind string, names ...string) map[string]string {
		for _, n := range names {
			m[n] = kind
		}
		return m
	}
	for name, want := range map[string]struct {
		header map[string]any
		claims map[string]string
	}{
		"asset-infinity": {
			map[string]any{"alg": "HS256", "typ": "JWT"},
			with(text("unique_name", "company", "email", "dateFormat", "timeZone", "deviceId", "userTypeId"), "integer", "nbf", "exp", "iat"),
		},
		"woodwing": {
			map[string]any{"alg": "HS512", "zip": "DEF"},
			with(with(with(with(with(text("sub", "clientType", "expiryTime", "userType", "authId"), "integer", "nbf", "exp", "iat"),
				"null", "clientId"), "bool", "reqCsrf"), "object", "userDetails"), "array", "authorities"),
		},
		"servicemobility": {
			map[string]any{"alg": "HS256", "typ": "JWT"},
			with(text("sub", "name", "email"), "integer", "exp", "iat"),
		},
		"crm-com": {
			map[string]any{"alg": "HS256", "typ": "JWT"},
			text("jti", "usr", "org", "oun", "exp", "iat"),
		},
		"oisp": {
			map[string]any{"alg": "RS256", "typ": "JWT"},
			with(text("jti", "iss", "sub", "exp"), "array", "accounts"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, dialect.Config{Dialect: load(t, name)})
			token := s.read(t, name, s.login(t, name))
			delete(token.Header, "kid") // names the published key
			if diff := cmp.Diff(want.header, token.Header); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(want.claims, typesOf(token.Claims)); diff != "" {
				t.Errorf("claims (-want +got):\n%s", diff)
			}
		})
	}
}

// TestSamples reads tokens that the vendors issued, and holds ours to their
// names and types.
func TestSamples(t *testing.T) {
	for name, want := range map[string]dialect.Token{
		"woodwing": {
			ID: "66VJso8PKASBI4s48ZiSuP", Session: "66VJso8PKASBI4s48ZiSuP", Username: "admin",
			Issued: time.Unix(1488955748, 0), NotBefore: time.Unix(1488955628, 0), Expires: time.Unix(1488959348, 0),
		},
		"crm-com": {
			ID: "C972949E8FF14E229F58291ABE3C2663", Session: "C972949E8FF14E229F58291ABE3C2663",
			Username: "MPAdministrator", Organisation: "ps_r13qa", Unit: "1",
			Issued: time.Unix(1495713382, 0), Expires: time.Unix(1495720582, 0),
		},
	} {
		t.Run(name, func(t *testing.T) {
			sample, err := os.ReadFile("testdata/vectors/" + name + ".jwt")
			if err != nil {
				t.Fatal(err)
			}
			api, err := dialect.New(dialect.Config{Dialect: load(t, name)})
			if err != nil {
				t.Fatal(err)
			}
			theirs, err := api.Interpret(strings.TrimSpace(string(sample)))
			if err != nil {
				t.Fatal(err)
			}
			got := *theirs
			got.Text, got.Header, got.Claims = "", nil, nil
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("sample (-want +got):\n%s", diff)
			}
			s := newSite(t, dialect.Config{Dialect: load(t, name)})
			ours := s.read(t, name, s.login(t, name))
			if diff := cmp.Diff(theirs.Header, ours.Header); diff != "" {
				t.Errorf("header (-theirs +ours):\n%s", diff)
			}
			if diff := cmp.Diff(typesOf(theirs.Claims), typesOf(ours.Claims)); diff != "" {
				t.Errorf("claims (-theirs +ours):\n%s", diff)
			}
			details, ok := theirs.Claims["userDetails"].(map[string]any)
			if ok {
				names := slices.Sorted(maps.Keys(details))
				if diff := cmp.Diff(names, slices.Sorted(maps.Keys(ours.Claims["userDetails"].(map[string]any)))); diff != "" {
					t.Errorf("userDetails (-theirs +ours):\n%s", diff)
				}
			}
		})
	}
}

func TestTimesAndIDs(t *testing.T) {
	form := map[string]string{
		"woodwing": `^[0-9A-Za-z]{22}$`, "crm-com": `^[0-9A-F]{32}$`,
		"oisp": `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, "asset-infinity": `^[\w-]{43}$`, "servicemobility": `^[\w-]{43}$`,
	}
	for name, lifetime := range map[string]time.Duration{
		"woodwing": time.Hour, "crm-com": 2 * time.Hour, "oisp": 24 * time.Hour, "asset-infinity": 10 * time.Minute, "servicemobility": 10 * time.Minute,
	} {
		s := newSite(t, dialect.Config{Dialect: load(t, name)})
		before := time.Now().Truncate(time.Second)
		token := s.read(t, name, s.login(t, name))
		if !regexp.MustCompile(form[name]).MatchString(token.ID) {
			t.Errorf("%s: id %q", name, token.ID)
		}
		issued := token.Issued
		if name == "oisp" { // tells no iat
			issued = before
		}
		if got := token.Expires.Sub(issued); got < lifetime || got > lifetime+5*time.Second {
			t.Errorf("%s: lives for %v, want %v", name, got, lifetime)
		}
		if got := token.Issued.Sub(token.NotBefore); name == "woodwing" && got != 2*time.Minute {
			t.Errorf("nbf is %v before iat", got)
		}
	}
}

func TestATokenThatWasTamperedWithIsInvalid(t *testing.T) {
	for _, name := range dialect.Names() {
		s := newSite(t, dialect.Config{Dialect: load(t, name)})
		good := s.login(t, name)
		api, err := dialect.New(s.dialects[name].Config)
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(good, ".")
		other := s.login(t, name)
		for what, token := range map[string]string{
			"another's signature": parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2])),
			"no signature":        parts[0] + "." + parts[1] + ".",
			"alg none":            "eyJhbGciOiJub25lIn0." + parts[1] + ".",
			"padding":             good + "=",
			"two parts":           parts[0] + "." + parts[1],
			"too long":            other + strings.Repeat("A", 32<<10),
			"nothing":             "",
		} {
			if _, err := api.Read(t.Context(), token); !errors.Is(err, dialect.ErrInvalid) {
				t.Errorf("%s: %s: %v", name, what, err)
			}
		}
	}
}

// A token that another dialect or the token endpoint signed with the same
// published keys is none of this one's.
func TestTokensOfOthersAreInvalid(t *testing.T) {
	s := newSite(t, dialect.Config{Dialect: load(t, "oisp")}, dialect.Config{Dialect: load(t, "crm-com"), Algorithm: "RS256"})
	oisp, err := dialect.New(s.dialects["oisp"].Config)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/oauth2/token", strings.NewReader("grant_type=password&username=alice&password=wonderland"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("portal", "portal-secret")
	w := httptest.NewRecorder()
	s.mux.ServeHTTP(w, r)
	for what, token := range map[string]string{"access token": tokenText.FindString(w.Body.String()), "another dialect's": s.login(t, "crm-com")} {
		if token == "" {
			t.Fatalf("%s: none: %s", what, w.Body)
		}
		if _, err := oisp.Read(t.Context(), token); !errors.Is(err, dialect.ErrInvalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
