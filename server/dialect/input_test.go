package dialect_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/server/dialect"
)

// TestAFormReadsOneWay sends parameters, in the query or as a form, that readers do not agree
// on; what the dialect does not read is left alone.
func TestAFormReadsOneWay(t *testing.T) {
	s := newSite(t, dialect.Config{Dialect: load(t, "woodwing")})
	const good = `"loginSuccess":true`
	for parameters, want := range map[string]string{
		"username=alice&username=bob&password=wonderland":             `"loginFaultMessage":"username is there twice"`,
		"username=alice&password=wonderland&password=guess":           `"loginFaultMessage":"password is there twice"`,
		"username=alice&username=alice&password=wonderland":           good,
		"username=alice&password=wonderland&facet=a&facet=b":          good,
		"username=alice&password=wonder%zz":                           "is not a well-formed form",
		"username=alice&password=wonderland;facet=a":                  "is not a well-formed form",
		"username=alice&password=wonderland&cred=YTpi&cred=YTpj":      good,
		"username=alice&username=%61lice&password=wonder%6c%61nd&&&=": good,
	} {
		asQuery := httptest.NewRequest("POST", "/services/apilogin?"+parameters, nil)
		asForm := httptest.NewRequest("POST", "/services/apilogin", strings.NewReader(parameters))
		asForm.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for what, r := range map[string]*httptest.ResponseRecorder{"query": s.ask(asQuery), "form": s.ask(asForm)} {
			if !strings.Contains(r.Body.String(), want) {
				t.Errorf("%s %s: %s", what, parameters, r.Body)
			}
		}
	}
}

// TestWhatCountsAsJSON sends content types that a vendor's server looks for
// "application/json" in.
func TestWhatCountsAsJSON(t *testing.T) {
	s := newSite(t, dialect.Config{Dialect: load(t, "oisp")})
	for contentType, want := range map[string]int{
		"application/json": 200, "application/json, text/plain": 200, "Application/JSON;;": 200, "text/plain;application/json": 200,
		"text/plain": 400, "application/jso": 400, "": 400,
	} {
		r := httptest.NewRequest("POST", logins["oisp"].path, strings.NewReader(logins["oisp"].body))
		r.Header.Set("Content-Type", contentType)
		if w := s.ask(r); w.Code != want {
			t.Errorf("%q: %d %s", contentType, w.Code, w.Body)
		}
	}
}

// ask sends a request.
func (s *site) ask(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.mux.ServeHTTP(w, r)
	return w
}

// TestAnEscapeThatIsNoCharacterIsNoText sends halves of surrogate pairs, which readers make
// one replacement character of: two names would be one.
func TestAnEscapeThatIsNoCharacterIsNoText(t *testing.T) {
	s := newSite(t, dialect.Config{Dialect: load(t, "servicemobility")})
	for body, want := range map[string]int{
		`{"username":"alice","password":"wonderland\ud800"}`:       400,
		`{"username":"\udc00alice","password":"wonderland"}`:       400,
		`{"username":"al\ud83d\ude00ice","password":"wonderland"}`: 401,
		`{"username":"al\uFFFDice","password":"wonderland"}`:       401,
		`{"username":"al\\ud800ice","password":"wonderland"}`:      401,
		`{"username":"\u0061lice","password":"wonderland"}`:        200,
	} {
		if w := s.post("/createjwt", body); w.Code != want {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
}
