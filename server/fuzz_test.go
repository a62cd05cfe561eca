package server_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/server/audit"
	"github.com/claimsmith/claimsmith/server/oauth"
)

// FuzzEndpoints sends anything that net/http lets through to a server with every
// endpoint there is. No answer is a fault of ours or a panic; what says that it is
// JSON is; what must not be cached says so; and no secret that was sent comes
// back, or is in the event.
func FuzzEndpoints(f *testing.F) {
	i := newFuzzedIssuer(f)
	for _, seed := range seeds() {
		f.Add(seed.method, seed.target, seed.header, seed.body)
	}
	f.Fuzz(func(t *testing.T, method, target, header, body string) {
		header, body = i.fill(t, header), i.fill(t, body)
		text := method + " " + target + " HTTP/1.1\r\nHost: login.example.com\r\n" + header +
			fmt.Sprintf("\r\nContent-Length: %d\r\n\r\n", len(body)) + body
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
		if err != nil {
			t.Skip() // net/http answers it
		}
		r.RemoteAddr = "192.0.2.1:5000"
		i.lines.b.Reset()
		w := httptest.NewRecorder()
		i.handler.ServeHTTP(w, r.WithContext(t.Context()))
		i.check(t, method, w)
		for _, secret := range secretsOf(body) {
			if strings.Count(text, secret) > 1 {
				continue // it stands where it is none, too
			}
			if told := w.Body.String() + fmt.Sprint(w.Header()) + i.lines.b.String(); strings.Contains(told, secret) {
				t.Errorf("the secret %q comes back: %s", secret, told)
			}
		}
	})
}

func (i *fuzzedIssuer) check(t *testing.T, method string, w *httptest.ResponseRecorder) {
	if i.log.b.Len() > 0 {
		t.Fatalf("panic: %s", &i.log.b)
	}
	event := i.lines.last(t)
	route, _ := event["route"].(string)
	if w.Code >= http.StatusInternalServerError || event["outcome"] == string(audit.Internal) {
		t.Fatalf("status %d, %s, event %v", w.Code, w.Body, event)
	}
	if cached := w.Header().Get("Cache-Control"); cached != "no-store" && route != "" && route != "jwks" && route != "metadata" {
		t.Errorf("%s: an answer with status %d has Cache-Control %q", route, w.Code, cached)
	}
	if media, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";"); media == "application/json" && method != http.MethodHead &&
		w.Code != http.StatusNotModified && w.Header().Get("Content-Encoding") == "" && !json.Valid(w.Body.Bytes()) {
		t.Errorf("%s: no JSON: %q", route, w.Body)
	}
	if (w.Code == http.StatusUnauthorized) && route != "" && !strings.Contains(route, ".") && w.Header().Get("WWW-Authenticate") == "" {
		t.Errorf("%s: 401 without a challenge", route)
	}
}

// secretsOf returns what a body calls secret, in either spelling.
func secretsOf(body string) (secrets []string) {
	form, _ := url.ParseQuery(body)
	for _, name := range []string{"password", "client_secret", "api_key", "refresh_token", "assertion", "client_assertion", "subject_token", "token"} {
		secrets = append(secrets, form[name]...)
	}
	var object map[string]any
	if json.Unmarshal([]byte(body), &object) == nil {
		if password, ok := object["password"].(string); ok {
			secrets = append(secrets, password)
		}
	}
	long := secrets[:0]
	for _, s := range secrets {
		if len(s) >= 8 {
			long = append(long, s)
		}
	}
	return long
}

// seeds are a good request to each endpoint, and some that are not. What stands in
// braces is a token.
func seeds() []fuzzed {
	grant := func(name, more string) string { return "grant_type=" + url.QueryEscape(name) + "&" + more }
	accessType := url.QueryEscape("urn:ietf:params:oauth:token-type:access_token")
	assertionType := url.QueryEscape("urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	return []fuzzed{
		{"POST", "/oauth2/token", asPortal, grant(oauth.GrantPassword, "username=alice&password=wonderland&scope=read+offline_access&device=d")},
		{"POST", "/oauth2/token", asForm, grant(oauth.GrantPassword, "client_id=app&username=alice&password=wrong-password")},
		{"POST", "/oauth2/token", asPortal, grant(oauth.GrantClientCredentials, "scope=read&resource=https%3A%2F%2Fapi.example.com")},
		{"POST", "/oauth2/token", asPortal, grant(oauth.GrantAPIKey, "api_key=csk_unknown-key")},
		{"POST", "/oauth2/token", asPortal, grant(oauth.GrantRefreshToken, "refresh_token={refresh}&scope=read")},
		{"POST", "/oauth2/token", asPortal, grant(oauth.GrantTokenExchange, "subject_token={access}&subject_token_type="+accessType)},
		{"POST", "/oauth2/token", asPortal, grant(oauth.GrantTokenExchange, "subject_token=csk_unknown&subject_token_type=urn%3Aclaimsmith%3Aparams%3Aoauth%3Atoken-type%3Aapi-key")},
		{"POST", "/oauth2/token", asForm, grant(oauth.GrantClientCredentials, "client_assertion=e30.eyJzdWIiOiJwb3J0YWwifQ.AAAA&client_assertion_type="+assertionType)},
		{"OPTIONS", "/oauth2/token", "Origin: https://app.example.com\r\nAccess-Control-Request-Method: POST", ""},
		{"POST", "/oauth2/introspect", asPortal + "\r\nAccept: application/token-introspection+jwt;q=0.5, */*", "token={access}"},
		{"POST", "/oauth2/introspect", asPortal, "token={refresh}&token_type_hint=access_token"},
		{"POST", "/oauth2/introspect", asPortal, "token={oisp}"},
		{"POST", "/oauth2/revoke", asPortal, "token={access}"},
		{"POST", "/oauth2/revoke", asPortal, "token={refresh}"},
		{"GET", "/userinfo", "Authorization: Bearer {access}\r\nTraceparent: " + traceparent, ""},
		{"GET", "/userinfo?access_token=x", "Authorization: Bearer x,\r\nAuthorization: Basic Og==", ""},
		{"GET", "/.well-known/jwks.json", "Accept-Encoding: gzip;q=0.1\r\nIf-None-Match: W/\"x\", *", ""},
		{"HEAD", "/.well-known/openid-configuration", "X-Forwarded-For: [::1]:5, x", ""},
		{"GET", "/.well-known/oauth-authorization-server", "Range: bytes=0-1", ""},
		{"POST", "/api/auth/signin", asJSON, `{"email":"alice","password":"wonderland","company":"Acme","deviceId":null}`},
		{"GET", "/api/auth", "Authorization: Bearer {asset}", ""},
		{"POST", "/services/apilogin?username=alice&password=guess", "Content-Type: multipart/form-data; boundary=x",
			"--x\r\nContent-Disposition: form-data; name=\"clientId\"\r\n\r\na\r\n--x--"},
		{"POST", "/services/login?cred=YWxpY2U6d29uZGVybGFuZA==", asForm, ""},
		{"POST", "/services/logout", "Cookie: authToken={woodwing}\r\nX-CSRF-TOKEN: x", ""},
		{"POST", "/services/logout", "Authorization: Bearer{woodwing}", ""},
		{"POST", "/v1/api/auth/token", asJSON, `{"username":"locked","password":"wonderland"}`},
		{"GET", "/v1/api/auth/tokenInfo", "Authorization: bearer {oisp}", ""},
		{"GET", "/v1/api/users/u-1", "Authorization: Bearer {oisp}", ""},
		{"GET", "/v1/api/auth/me", "Authorization: Bearer {oisp}", ""},
		{"GET", "/v1/api/health", "", ""},
		{"POST", "/v1/api/auth/refresh", "Authorization: Bearer {oisp}", ""},
		{"PUT", "/v1/api/auth/refresh", asJSON + "\r\nAuthorization: Bearer {oisp}", `{"refreshToken":"{refresh}"}`},
		{"DELETE", "/v1/api/auth/refresh/revoke", asJSON, `{"refreshToken":"{refresh}"}`},
		{"POST", "/crmapi/rest/v2/authentication/token", asJSON, `{"username":"alice","password":"wonderland","organisation":"Acme","unit":"south"}`},
		{"POST", "/crmapi/rest/v2/authentication/web_api_key/token", "Authorization: basic " + base64.StdEncoding.EncodeToString([]byte("csk_good:")), ""},
		{"POST", "/crmapi/rest/v2/authentication/token/release", asJSON, `{"token":"{crm}"}`},
		{"POST", "/createjwt", asJSON, `{"username":"alice","password":"wonderland"}`},
	}
}
