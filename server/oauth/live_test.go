package oauth_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cespare/webtest"

	"github.com/claimsmith/claimsmith/storage"
)

// TestLiveTranscripts runs transcripts in which a word such as ALICE-ACCESS
// stands for a token that was issued before.
func TestLiveTranscripts(t *testing.T) {
	for _, file := range []string{"introspect", "revoke", "userinfo", "exchange"} {
		t.Run(file, func(t *testing.T) {
			i := newIssuer(t)
			webtest.TestHandler(t, "testdata/live/"+file+".txt", i.substitute(i.words(t)))
		})
	}
}

// words are tokens by what stands for them in transcripts.
func (i *issuer) words(t testing.TB) map[string]string {
	t.Helper()
	alice := i.login(t, "scope=read offline_access")
	spent := i.login(t, "scope=read offline_access")
	successor := i.refresh(t, spent.Refresh)
	ended := i.login(t, "scope=read offline_access")
	if err := i.db.EndSession(t.Context(), issuerName, i.claims(t, ended.Access)["sid"].(string), "test", time.Now()); err != nil {
		t.Fatal(err)
	}
	revoked := i.login(t)
	if err := i.db.Revoke(t.Context(), storage.Revocation{
		Issuer: issuerName, Kind: storage.KindJTI, Value: i.claims(t, revoked.Access)["jti"].(string), Expires: time.Now().Add(time.Hour),
	}); err != nil {
		t.Fatal(err)
	}
	app := i.ask(t, "/oauth2/token", "", "grant_type=password", "client_id=app", "username=alice", "password=wonderland")
	return map[string]string{
		"ALICE-ACCESS":     alice.Access,
		"ALICE-REFRESH":    alice.Refresh,
		"SPENT-REFRESH":    spent.Refresh,
		"SUCCESSOR":        successor.Access,
		"ENDED-ACCESS":     ended.Access,
		"ENDED-REFRESH":    ended.Refresh,
		"REVOKED-ACCESS":   revoked.Access,
		"APP-ACCESS":       app["access_token"].(string),
		"OTHER-ACCESS":     i.login(t, "resource=https://other.example.com").Access,
		"STATELESS-ACCESS": i.login(t).Access,
		"SERVICE-ACCESS":   i.ask(t, "/oauth2/token", basic("other", "other-secret"), "grant_type=client_credentials")["access_token"].(string),
		"EXPIRED-ACCESS":   i.forge(t, func(c map[string]any) { c["exp"] = time.Now().Unix() - 1 }),
		"FOREIGN-ACCESS":   i.forge(t, func(c map[string]any) { c["iss"] = "https://elsewhere.example.com" }),
		"ID-TOKEN":         i.sign(t, "JWT", i.claims(t, alice.Access)),
		"TAMPERED-ACCESS":  tamper(alice.Access),
	}
}

// substitute replaces words in the body and the Authorization header.
func (i *issuer) substitute(words map[string]string) http.Handler {
	replace := func(s string) string {
		for word, token := range words {
			s = strings.ReplaceAll(s, word, token)
		}
		return s
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != nil {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				panic(err)
			}
			r.Body = io.NopCloser(strings.NewReader(replace(string(body))))
		}
		if a := r.Header.Get("Authorization"); a != "" {
			r.Header.Set("Authorization", replace(a))
		}
		i.mux.ServeHTTP(w, r)
	})
}

// forge returns an access token with the issuer's signature and other claims
// than it would issue.
func (i *issuer) forge(t testing.TB, change func(claims map[string]any)) string {
	t.Helper()
	claims := i.claims(t, i.login(t).Access)
	change(claims)
	return i.sign(t, "at+jwt", claims)
}

func (i *issuer) sign(t testing.TB, typ string, claims map[string]any) string {
	t.Helper()
	for _, name := range []string{"exp", "iat"} { // float64, but integers
		if f, ok := claims[name].(float64); ok {
			claims[name] = int64(f)
		}
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	token, err := i.ring.Sign(t.Context(), "", typ, payload)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// tamper changes the payload of a token and leaves its signature.
func tamper(token string) string {
	parts := strings.Split(token, ".")
	payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
	parts[1] = base64.RawURLEncoding.EncodeToString(bytes.Replace(payload, []byte(`"read`), []byte(`"root`), 1))
	return strings.Join(parts, ".")
}

func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}

// ask posts parameters, NAME=VALUE, to a path and returns the JSON answer with
// its status beside.
func (i *issuer) ask(t testing.TB, path, authorization string, parameters ...string) map[string]any {
	t.Helper()
	w := i.send(path, authorization, parameters...)
	answer := map[string]any{}
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatalf("answer %q: %v", w.Body, err)
		}
	}
	answer["status"] = w.Code
	return answer
}

func (i *issuer) send(path, authorization string, parameters ...string) *httptest.ResponseRecorder {
	return i.sendUntil(context.Background(), path, authorization, parameters...)
}

// sendUntil is send for a caller who hangs up when ctx ends.
func (i *issuer) sendUntil(ctx context.Context, path, authorization string, parameters ...string) *httptest.ResponseRecorder {
	form := url.Values{}
	for _, p := range parameters {
		name, value, _ := strings.Cut(p, "=")
		form.Add(name, value)
	}
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	w := httptest.NewRecorder()
	i.mux.ServeHTTP(w, r)
	return w
}

// active asks whether a token is, as the client auditor, who sees every one.
func (i *issuer) active(t testing.TB, token string) bool {
	t.Helper()
	a := i.ask(t, "/oauth2/introspect", basic("auditor", "auditor-secret"), "token="+token)
	if a["status"] != http.StatusOK {
		t.Fatalf("introspection: %v", a)
	}
	return a["active"].(bool)
}
