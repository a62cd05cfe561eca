package oauth_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestARefreshTokenHasItsOwnExpiry(t *testing.T) {
	i := newIssuer(t)
	a := i.ask(t, "/oauth2/introspect", basic("portal", "portal-secret"), "token="+i.login(t, "scope=offline_access").Refresh)
	left := time.Until(time.Unix(int64(a["exp"].(float64)), 0))
	if left < 23*time.Hour || left > 24*time.Hour {
		t.Errorf("expires in %s, want refresh_token.idle, a day", left)
	}
}

func TestSignedIntrospection(t *testing.T) {
	i := newIssuer(t)
	ask := func(token, accept string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, "/oauth2/introspect", strings.NewReader("token="+token))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Accept", accept)
		r.SetBasicAuth("api", "api-secret")
		w := httptest.NewRecorder()
		i.mux.ServeHTTP(w, r)
		return w
	}
	const media = "application/token-introspection+jwt"
	token := i.login(t).Access
	for _, accept := range []string{media, "application/json;q=0.5, " + media + ";q=0.9"} {
		w := ask(token, accept)
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != media || w.Header().Get("Cache-Control") != "no-store" {
			t.Fatalf("status %d, header %v", w.Code, w.Header())
		}
		v, err := i.ring.Verify(t.Context(), w.Body.String())
		if err != nil || v.Typ != "token-introspection+jwt" {
			t.Fatalf("typ %q, error %v", v.Typ, err)
		}
		var claims map[string]any
		if err := json.Unmarshal(v.Payload, &claims); err != nil {
			t.Fatal(err)
		}
		inner := claims["token_introspection"].(map[string]any)
		if claims["iss"] != issuerURL || claims["aud"] != "api" || claims["sub"] != nil || claims["exp"] != nil || inner["active"] != true || inner["sub"] != "u-1" {
			t.Errorf("claims %v", claims)
		}
	}
	inactive, err := i.ring.Verify(t.Context(), ask("nothing", media).Body.String())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(inactive.Payload), `"token_introspection":{"active":false}`) {
		t.Errorf("of an inactive token: %s", inactive.Payload)
	}
	for _, accept := range []string{"", "*/*", "application/json", media + ";q=0"} {
		if got := ask(token, accept).Header().Get("Content-Type"); got != "application/json;charset=UTF-8" {
			t.Errorf("Accept %q is answered with %s", accept, got)
		}
	}
	// The signed answer is a token for nothing.
	if i.active(t, ask(token, media).Body.String()) {
		t.Error("a signed answer passes for an access token")
	}
}

func TestIntrospectionStatements(t *testing.T) {
	i := newIssuer(t, cachedClients)
	a := i.login(t, "scope=read offline_access")
	api, portal := basic("api", "api-secret"), basic("portal", "portal-secret")
	i.send("/oauth2/introspect", api, "token="+a.Access)
	got := map[string]int64{}
	for name, ask := range map[string]func(){
		"access token":  func() { i.send("/oauth2/introspect", api, "token="+a.Access) },
		"refresh token": func() { i.send("/oauth2/introspect", portal, "token="+a.Refresh) },
		"nonsense":      func() { i.send("/oauth2/introspect", api, "token=nonsense") },
	} {
		before := i.db.Statements()
		ask()
		got[name] = i.db.Statements() - before
	}
	want := map[string]int64{"access token": 1, "refresh token": 1, "nonsense": 0}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("statements (-want +got):\n%s", diff)
	}
}
