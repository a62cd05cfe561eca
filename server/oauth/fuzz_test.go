package oauth_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzToken posts anything to the token endpoint: the answer is always JSON of
// RFC 6749 that nobody may cache, and shows nothing of what was posted as a secret.
func FuzzToken(f *testing.F) {
	f.Add("grant_type=password&username=alice&password=wonderland", "Basic cG9ydGFsOnBvcnRhbC1zZWNyZXQ=")
	f.Add("grant_type=refresh_token&refresh_token=crt_x&client_id=portal&client_secret=s", "")
	f.Add("grant_type=client_credentials&scope=read%20write&resource=a&resource=b", "basic OjpAQA==")
	f.Add("grant_type=password&username=%00&password=%ff;&&=", "Basic")
	mux := newIssuer(f).mux
	f.Fuzz(func(t *testing.T, body, authorization string) {
		r := httptest.NewRequest(http.MethodPost, "/oauth2/token", strings.NewReader(body))
		r.Header["Content-Type"] = []string{"application/x-www-form-urlencoded"}
		if authorization != "" {
			r.Header["Authorization"] = []string{authorization}
		}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		var answer struct {
			Error  string `json:"error"`
			Access string `json:"access_token"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatalf("status %d, body %q: %v", w.Code, w.Body, err)
		}
		if (w.Code == http.StatusOK) != (answer.Access != "") || (w.Code == http.StatusOK) == (answer.Error != "") {
			t.Errorf("status %d with body %s", w.Code, w.Body)
		}
		if w.Code >= http.StatusInternalServerError {
			t.Errorf("status %d with body %s", w.Code, w.Body)
		}
		if w.Header().Get("Cache-Control") != "no-store" {
			t.Error("the answer may be cached")
		}
	})
}
