package dialect_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/server/audit"
	"github.com/claimsmith/claimsmith/server/dialect"
)

// Whoever has the request id of a refusal finds in its event what was wrong.
func TestTheEventOfARefusalSaysWhatWasWrong(t *testing.T) {
	s := newSite(t, dialect.Config{Dialect: load(t, "oisp")})
	long := strings.Repeat("x", 4000)
	for body, want := range map[string]string{
		`{"username":"alice"}`:                                 "password is missing",
		`{"username":"alice","password":"x","` + long + `":1}`: long[:200],
	} {
		var e audit.Event
		r := httptest.NewRequestWithContext(audit.NewContext(t.Context(), &e), http.MethodPost, "/v1/api/auth/token", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		s.mux.ServeHTTP(httptest.NewRecorder(), r)
		if e.Err == nil || e.Err.Error() != want {
			t.Errorf("%s: the event says %v, want %s", body, e.Err, want)
		}
	}
}
