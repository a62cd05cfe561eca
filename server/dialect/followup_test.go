package dialect_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/claimsmith/claimsmith/server/dialect"
	"github.com/claimsmith/claimsmith/storage"
)

// resigned returns a token of the published keys with other claims, as if the
// issuer had signed these.
func (s *site) resigned(t *testing.T, name, text string, change func(claims map[string]any)) string {
	t.Helper()
	claims := maps.Clone(s.read(t, name, text).Claims)
	change(claims)
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	token, err := s.ring.Sign(t.Context(), "RS256", "JWT", payload)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// as asks with a token.
func (s *site) as(token, method, path, body string) *httptest.ResponseRecorder {
	return s.from("test", method, path, body, "Authorization", "Bearer "+token)
}

const notAuthorized = "401 text/plain Not Authorized"

func TestAnExpiredTokenIsGoodForARefreshAlone(t *testing.T) {
	s := newSite(t, dialect.Config{Dialect: load(t, "oisp")})
	token := s.login(t, "oisp")
	var started struct{ RefreshToken string }
	if err := json.Unmarshal(s.as(token, "POST", "/v1/api/auth/refresh", "{}").Body.Bytes(), &started); err != nil || started.RefreshToken == "" {
		t.Fatal(started, err)
	}
	expired := s.resigned(t, "oisp", token, func(claims map[string]any) { claims["exp"] = "2014-10-02T07:53:25.361Z" })
	for _, ask := range [][2]string{
		{"GET", "/v1/api/auth/tokenInfo"}, {"GET", "/v1/api/auth/me"}, {"GET", "/v1/api/users/u-alice-acme"}, {"POST", "/v1/api/auth/refresh"},
	} {
		if got := answerTo(s.as(expired, ask[0], ask[1], "{}")); got != notAuthorized {
			t.Errorf("%s %s with an expired token: %s", ask[0], ask[1], got)
		}
	}
	if got := answerTo(s.as(s.login(t, "oisp"), "PUT", "/v1/api/auth/refresh", `{"refreshToken":"`+started.RefreshToken+`"}`)); got != `401 application/json {"code":15001,"message":"Invalid refresh token"}` {
		t.Errorf("a refresh token of another session: %s", got)
	}
	if got := answerTo(s.as(expired, "PUT", "/v1/api/auth/refresh", `{"refreshToken":"`+started.RefreshToken+`"}`)); !regexp.MustCompile(`^200 application/json \{"jwt":"eyJ[^"]+","refreshToken":"crt_[^"]+"\}$`).MatchString(got) {
		t.Errorf("a refresh with an expired token: %s", got)
	}
}

// TestPublicKeysAreNoSecrets is the confusion that some servers fell for: an
// HMAC under what everybody may read.
func TestPublicKeysAreNoSecrets(t *testing.T) {
	s := newSite(t, dialect.Config{Dialect: load(t, "oisp")})
	token := s.login(t, "oisp")
	w := httptest.NewRecorder()
	s.mux.ServeHTTP(w, httptest.NewRequest("GET", "/.well-known/jwks.json", nil))
	forged := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims(s.read(t, "oisp", token).Claims))
	forged.Header["kid"] = s.read(t, "oisp", token).Header["kid"]
	for _, secret := range []string{w.Body.String(), regexp.MustCompile(`"n":"([^"]+)"`).FindStringSubmatch(w.Body.String())[1], ""} {
		text, err := forged.SignedString([]byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		if got := answerTo(s.as(text, "GET", "/v1/api/auth/tokenInfo", "")); got != notAuthorized {
			t.Errorf("under %.20q: %s", secret, got)
		}
	}
}

func TestARevokedTokenIsNotLoggedIn(t *testing.T) {
	for name, tt := range map[string]struct{ path, want string }{
		"oisp":           {"/v1/api/auth/me", notAuthorized},
		"asset-infinity": {"/api/auth", `401 application/json {"isSuccess":false,"message":"Not logged in","statusCode":401,"data":null}`},
	} {
		s := newSite(t, dialect.Config{Dialect: load(t, name)})
		token := s.login(t, name)
		if w := s.as(token, "GET", tt.path, ""); w.Code != http.StatusOK {
			t.Fatal(w.Body)
		}
		s.oauth("/oauth2/revoke", "fleet", url.Values{"token": {token}})
		if got := answerTo(s.as(token, "GET", tt.path, "")); got != tt.want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// A logout ends the session, and with it the refresh tokens of a dialect that has both.
func TestALogoutEndsRefreshing(t *testing.T) {
	s := newSite(t, dialect.Config{Dialect: withLogout(t)})
	token := s.login(t, "oisp")
	var started struct{ RefreshToken string }
	if err := json.Unmarshal(s.as(token, "POST", "/v1/api/auth/refresh", "{}").Body.Bytes(), &started); err != nil || started.RefreshToken == "" {
		t.Fatal(started, err)
	}
	if w := s.as(token, "POST", "/v1/api/auth/logout", ""); w.Code != http.StatusOK {
		t.Fatal(w.Body)
	}
	if got := answerTo(s.as(token, "PUT", "/v1/api/auth/refresh", `{"refreshToken":"`+started.RefreshToken+`"}`)); got != notAuthorized {
		t.Errorf("a refresh after the logout: %s", got)
	}
	// The former token need not come along everywhere.
	a := s.oauth("/oauth2/token", "fleet", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {started.RefreshToken}})
	if !strings.Contains(a, `"error":"invalid_grant"`) {
		t.Errorf("the refresh token alone after the logout: %s", a)
	}
}

// withLogout is a dialect that has refresh tokens and a logout.
func withLogout(t *testing.T) *dialect.Dialect {
	t.Helper()
	text, err := dialect.Text("oisp")
	if err != nil {
		t.Fatal(err)
	}
	d, err := dialect.Load("oisp.yaml", []byte(strings.Replace(string(text), "\nroutes:\n", `
routes:
  - name: logout
    kind: logout
    method: POST
    path: /auth/logout
    fields:
      token: {from: [bearer]}
    answers:
      success: {}
`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// A session is ended by tokens of its own client alone: what a dialect's token says of
// its session, others who have the dialect's secret may have written.
func TestALogoutEndsNoOtherClientsSession(t *testing.T) {
	s := newSite(t, dialect.Config{Dialect: withLogout(t)})
	now := time.Now()
	const id = "session-of-another"
	if err := s.db.CreateSession(t.Context(),
		storage.Session{Issuer: issuerName, ID: id, ClientID: "portal", Subject: "u-bob", Created: now, Expires: now.Add(time.Hour)},
		storage.RefreshToken{Hash: "h", Created: now, Expires: now.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	forged := s.resigned(t, "oisp", s.login(t, "oisp"), func(claims map[string]any) { claims["jti"] = id + "-000000000000000000" })
	if got := s.read(t, "oisp", forged).Session; got != id {
		t.Fatalf("the forged token is of session %q", got)
	}
	s.as(forged, "POST", "/v1/api/auth/logout", "")
	if got, err := s.db.Session(t.Context(), issuerName, id); err != nil || !got.Ended.IsZero() {
		t.Errorf("session %+v, %v", got, err)
	}
	if revoked, err := s.db.Revoked(t.Context(), issuerName, "its access token", id); err != nil || revoked {
		t.Errorf("its access tokens are revoked: %v, %v", revoked, err)
	}
}

// TestOtherCallsThanLogins adds a call to a dialect whose five are logins: what
// the vendor answers to one that is not logged in is in the file already.
func TestOtherCallsThanLogins(t *testing.T) {
	text, err := dialect.Text("woodwing")
	if err != nil {
		t.Fatal(err)
	}
	d, err := dialect.Load("woodwing.yaml", []byte(strings.Replace(string(text), "\nroutes:\n", `
routes:
  - name: profile
    kind: inspect
    method: POST
    path: /profile
    fields:
      token: {from: [bearer, cookie authToken], required: true}
      csrf: {from: [header X-CSRF-TOKEN]}
    answers:
      success: {body: {username: "${token.claims.sub}"}}
`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, dialect.Config{Dialect: d})
	const notLoggedIn = `200 application/json;charset=utf-8 {"errorcode":401,"message":"Not logged in"}`
	token := s.login(t, "woodwing")
	for what, tt := range map[string]struct{ header, value, want string }{
		"no token":        {"Accept", "*/*", notLoggedIn},
		"no good token":   {"Authorization", "Bearer " + token + "x", notLoggedIn},
		"Bearer":          {"Authorization", "Bearer " + token, `200 application/json {"username":"alice"}`},
		"no space":        {"Authorization", "Bearer" + token, `200 application/json {"username":"alice"}`},
		"cookie, no CSRF": {"Cookie", "authToken=" + token, `200 application/json;charset=utf-8 {"errorcode":403,"message":"The CSRF token is missing or wrong"}`},
	} {
		if got := answerTo(s.from("test", "POST", "/services/profile", "", tt.header, tt.value)); got != tt.want {
			t.Errorf("%s: %s", what, got)
		}
	}
}

// TestWhatALoginSaysReachesTheToken reads the claims that depend on how somebody
// logged in.
func TestWhatALoginSaysReachesTheToken(t *testing.T) {
	const key = "Basic Y3NrX2dvb2Q6"
	for what, tt := range map[string]struct {
		name, path, body, header string
		want                     string // of the claims, as JSON
	}{
		"the default unit":           {"crm-com", "token", `{"username":"alice","password":"wonderland","organisation":"Acme"}`, "", `"org":"Acme","oun":"north","usr":"alice"`},
		"another unit":               {"crm-com", "token", `{"username":"alice","password":"wonderland","organisation":"ACME","unit":"south"}`, "", `"org":"Acme","oun":"south","usr":"alice"`},
		"a key":                      {"crm-com", "web_api_key/token", "", key, `"org":"Acme","oun":"north","usr":"alice"`},
		"a key and a unit":           {"crm-com", "web_api_key/token", `{"unit":"south"}`, key, `"oun":"south"`},
		"a client":                   {"woodwing", "/services/apilogin?username=alice&password=wonderland&clientId=desk-1", "", "", `"clientId":"desk-1","clientType":"API"`},
		"no client":                  {"woodwing", "/services/apilogin?username=alice&password=wonderland", "", "", `"clientId":null,.*"reqCsrf":false`},
		"a cookie":                   {"woodwing", "/services/login?username=alice&password=wonderland", "", "", `"expiryTime":"3600000",.*"reqCsrf":true`},
		"roles":                      {"woodwing", "/services/apilogin?username=alice&password=wonderland", "", "", `"authorities":\["editor","viewer"\],.*"aut":\["editor","viewer"\]`},
		"no device":                  {"asset-infinity", "/api/auth/signin", `{"email":"alice","password":"wonderland","company":"Acme","deviceId":null}`, "", `"deviceId":""`},
		"nothing known, woodwing":    {"woodwing", "/services/apilogin?username=plain&password=plain", "", "", `"authorities":\[\],.*"userDetails":\{"ane":true,"anl":true,"aut":\[\],"cne":true,"cts":"api","ema":null,"ena":true,"fun":"plain","una":"plain"\},"userType":"Pro"`},
		"nothing known, oisp":        {"oisp", "/v1/api/auth/token", `{"username":"plain","password":"plain"}`, "", `^\{"accounts":\[\],"exp":"[^"]+","iss":"[^"]+","jti":"[^"]+","sub":"u-plain-"\}$`},
		"nothing known, the fleet's": {"servicemobility", "/createjwt", `{"username":"plain","password":"plain"}`, "", `^\{"exp":[0-9]+,"iat":[0-9]+,"sub":"u-plain-"\}$`},
	} {
		s := newSite(t, dialect.Config{Dialect: load(t, tt.name)})
		if tt.name == "crm-com" {
			tt.path = "/crmapi/rest/v2/authentication/" + tt.path
		}
		w := s.from("test", "POST", tt.path, tt.body, "Authorization", tt.header)
		token := tokenText.FindString(w.Body.String() + w.Header().Get("Set-Cookie"))
		if token == "" {
			t.Errorf("%s: %s", what, w.Body)
			continue
		}
		claims, err := json.Marshal(s.read(t, tt.name, token).Claims)
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(tt.want).Match(claims) {
			t.Errorf("%s: claims %s", what, claims)
		}
	}
}

// TestASubjectIsNotAnothersName asks who a token stands for where somebody took
// its subject for a user name.
func TestASubjectIsNotAnothersName(t *testing.T) {
	for name, path := range map[string]string{"oisp": "/v1/api/auth/me", "asset-infinity": "/api/auth"} {
		s := newSite(t, dialect.Config{Dialect: load(t, name)})
		token := s.login(t, name)
		other := s.people.accounts[1]
		other.Username = s.people.accounts[0].Subject
		s.people.accounts = append([]account{other}, s.people.accounts...)
		if w := s.as(token, "GET", path, ""); w.Code != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}
