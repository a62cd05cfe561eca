package apikey

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// Whatever a service answers, it is an identity that may cross the wire, one
// of the plugin's refusals, or an error; and the same answer twice is the same.
func FuzzAnswer(f *testing.F) {
	for _, body := range []string{
		`{"subject": "x"}`, `{"subject": "x", "expires": "2099-12-31T23:59:59Z", "claims": {"n": 1e400, "m": [1, {"a": null}]}}`,
		`{"key_id": "k", "subject": "x", "scopes": [], "audience": null, "sources": ["::1", "10.0.0.0/8"], "units": ["a"], "default_unit": "b"}`,
		`{"reason": "locked"}`, `{"reason": 1}`, ``, `null`, `[[[[`, `{"subject": "x", "subject": "y"}`, "\xff", `{"SUBJECT": "x"}`,
	} {
		for _, status := range []uint16{200, 401, 403, 404, 429, 500, 302} {
			f.Add(status, body, "7")
		}
	}
	f.Fuzz(func(t *testing.T, status uint16, body, after string) {
		header := http.Header{"Retry-After": {after}}
		if d := retryAfter(header, time.Now()); d < 0 || d > maxRetryAfter {
			t.Errorf("try again after %v", d)
		}
		r, err := judge(int(status), header, []byte(body))
		if (err == nil) != (r != nil) {
			t.Fatalf("record %v and error %v", r, err)
		}
		if status != 200 && err == nil || status == 200 && (errors.Is(err, sdk.ErrUnknown) || errors.Is(err, sdk.ErrDenied)) {
			t.Errorf("%d: %v, %v", status, r, err)
		}
		if err != nil {
			return
		}
		if err := r.identity().Check(); err != nil {
			t.Errorf("identity: %v", err)
		}
		if _, err := encode(r.identity().Claims); err != nil {
			t.Errorf("claims: %v", err)
		}
	})
}
