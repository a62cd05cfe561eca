package oauth_test

import (
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/goccy/go-yaml/parser"

	"github.com/claimsmith/claimsmith/server/oauth"
	"github.com/claimsmith/claimsmith/storage"
)

func compileMapping(t testing.TB, text string) *oauth.Mapping {
	t.Helper()
	file, err := parser.ParseBytes([]byte(text), 0)
	if err != nil {
		t.Fatal(err)
	}
	m, err := oauth.CompileMapping(file.Docs[0].Body)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// malleate returns the other signature that an ECDSA signature implies: s
// becomes n-s. It verifies as well as the first.
func malleate(t testing.TB, token string) string {
	t.Helper()
	end := strings.LastIndexByte(token, '.')
	signature, err := base64.RawURLEncoding.DecodeString(token[end+1:])
	if err != nil || len(signature) != 64 {
		t.Fatalf("signature of %d bytes: %v", len(signature), err)
	}
	s := new(big.Int).SetBytes(signature[32:])
	s.Sub(elliptic.P256().Params().N, s).FillBytes(signature[32:])
	return token[:end+1] + base64.RawURLEncoding.EncodeToString(signature)
}

// rewrite puts another header before the payload and signature of a token.
func rewrite(t testing.TB, token string, header map[string]any, signature string) string {
	t.Helper()
	text, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(token, ".")
	return base64.RawURLEncoding.EncodeToString(text) + "." + parts[1] + "." + signature
}

// TestForgedTokens replays what was published against verifiers of JWTs, on
// each way by which a token comes in.
func TestForgedTokens(t *testing.T) {
	i := newIssuer(t)
	token := i.login(t, "scope=read").Access
	parts := strings.Split(token, ".")
	var header map[string]any
	raw, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &header); err != nil {
		t.Fatal(err)
	}
	kid := header["kid"].(string)
	thief := newParty(t, kid)
	claims := i.claims(t, token)
	claims["exp"], claims["iat"] = int64(claims["exp"].(float64)), int64(claims["iat"].(float64))
	publicKey := i.get("/.well-known/jwks.json", "").Body.Bytes()
	forged := map[string]string{
		"alg none":               rewrite(t, token, map[string]any{"alg": "none", "kid": kid, "typ": "at+jwt"}, ""),
		"alg None":               rewrite(t, token, map[string]any{"alg": "None", "kid": kid, "typ": "at+jwt"}, parts[2]),
		"no signature":           parts[0] + "." + parts[1] + ".",
		"two parts":              parts[0] + "." + parts[1],
		"public key as secret":   hmacToken(t, publicKey, kid, claims),
		"empty secret":           hmacToken(t, make([]byte, 32), kid, claims),
		"another key, the kid":   atJWT(t, thief, nil, claims),
		"jwk in the header":      atJWT(t, thief, map[string]any{"jwk": jose.JSONWebKey{Key: thief.key.Public(), KeyID: kid}}, claims),
		"jku in the header":      atJWT(t, thief, map[string]any{"jku": "https://thief.example/jwks.json"}, claims),
		"x5u in the header":      atJWT(t, thief, map[string]any{"x5u": "https://thief.example/cert.pem"}, claims),
		"kid with a path":        rewrite(t, token, map[string]any{"alg": "ES256", "kid": "../../../../dev/null", "typ": "at+jwt"}, parts[2]),
		"kid with SQL":           rewrite(t, token, map[string]any{"alg": "ES256", "kid": "' or '1'='1", "typ": "at+jwt"}, parts[2]),
		"no kid":                 rewrite(t, token, map[string]any{"alg": "ES256", "typ": "at+jwt"}, parts[2]),
		"crit":                   rewrite(t, token, map[string]any{"alg": "ES256", "kid": kid, "typ": "at+jwt", "crit": []string{"b64"}, "b64": false}, parts[2]),
		"another algorithm":      rewrite(t, token, map[string]any{"alg": "ES384", "kid": kid, "typ": "at+jwt"}, parts[2]),
		"zero signature":         parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 64)), // CVE-2022-21449
		"white space":            parts[0] + "." + parts[1] + ".\n" + parts[2],
		"padding":                token + "==",
		"twice":                  token + "." + token,
		"a megabyte of nonsense": strings.Repeat("a.", 500) + parts[2],
	}
	for name, text := range forged {
		if i.active(t, text) {
			t.Errorf("%s: introspection calls it active", name)
		}
		if w := i.get("/userinfo", "Bearer "+text); w.Code != http.StatusUnauthorized && w.Code != http.StatusBadRequest {
			t.Errorf("%s: userinfo answers %d", name, w.Code)
		}
		a := i.ask(t, "/oauth2/token", basic("api", "api-secret"), "grant_type="+oauth.GrantTokenExchange,
			"subject_token="+text, "subject_token_type="+tokenTypeAccess)
		if a["error"] != "invalid_request" {
			t.Errorf("%s: exchange answers %v", name, a)
		}
	}
	if !i.active(t, token) {
		t.Error("the token itself is not active")
	}
}

func hmacToken(t testing.TB, secret []byte, kid string, claims map[string]any) string {
	t.Helper()
	return signAs(t, jose.SigningKey{Algorithm: jose.HS256, Key: jose.JSONWebKey{Key: secret, KeyID: kid}}, nil, claims)
}

func atJWT(t testing.TB, p *party, header map[string]any, claims map[string]any) string {
	t.Helper()
	return signAs(t, jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: p.key, KeyID: p.kid}}, header, claims)
}

func signAs(t testing.TB, key jose.SigningKey, header, claims map[string]any) string {
	t.Helper()
	options := new(jose.SignerOptions).WithType("at+jwt")
	for name, value := range header {
		options = options.WithHeader(jose.HeaderKey(name), value)
	}
	signer, err := jose.NewSigner(key, options)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// A revoked token stays revoked in the other writing of its signature.
func TestASignaturesTwinIsRevokedToo(t *testing.T) {
	i := newIssuer(t)
	token := i.login(t).Access
	twin := malleate(t, token)
	if !i.active(t, twin) {
		t.Skip("the verifier takes one writing of a signature only")
	}
	i.send("/oauth2/revoke", basic("portal", "portal-secret"), "token="+token)
	if i.active(t, twin) {
		t.Error("the twin is active")
	}
}

// Assertions are forged in the same ways.
func TestForgedAssertions(t *testing.T) {
	i := newIssuer(t)
	robot, thief := newParty(t, "one"), newParty(t, "one")
	newRobot(t, i, storage.ClientPolicy{JWKS: robot.jwks(t)})
	claims := assertion("robot", "robot", nil)
	good := robot.sign(t, claims)
	parts := strings.Split(good, ".")
	for name, text := range map[string]string{
		"alg none":             rewrite(t, good, map[string]any{"alg": "none"}, ""),
		"public key as secret": hmacToken(t, []byte(robot.jwks(t)), "one", claims),
		"jwk in the header":    atJWT(t, thief, map[string]any{"jwk": jose.JSONWebKey{Key: thief.key.Public(), KeyID: "one"}}, claims),
		"jku in the header":    atJWT(t, thief, map[string]any{"jku": "https://thief.example/jwks.json"}, claims),
		"crit":                 atJWT(t, robot, map[string]any{"crit": []string{"exp"}}, claims),
		"detached payload":     parts[0] + ".." + parts[2],
		"zero signature":       parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 64)),
	} {
		if got := i.as(t, text); got != "invalid_client" {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := i.as(t, good); got != "" {
		t.Errorf("the assertion itself: %q", got)
	}
}

// Nothing that proves anything is taken from a query, which ends up in logs.
func TestCredentialsInTheQueryAreRefused(t *testing.T) {
	i := newIssuer(t)
	access := i.login(t).Access
	for _, path := range []string{
		"/oauth2/token?client_id=portal&client_secret=portal-secret",
		"/oauth2/token?grant_type=password&username=alice&password=wonderland",
		"/oauth2/introspect?token=" + access,
		"/oauth2/revoke?token=" + access,
	} {
		w := i.send(path, basic("portal", "portal-secret"), "grant_type=client_credentials", "token="+access)
		if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), `"invalid_request"`) {
			t.Errorf("%s: status %d, body %s", path, w.Code, w.Body)
		}
		if strings.Contains(w.Body.String(), "secret") || strings.Contains(w.Body.String(), access) {
			t.Errorf("%s: the answer repeats what it was sent", path)
		}
	}
	if w := i.get("/userinfo?access_token="+access, "Bearer "+access); w.Code != http.StatusBadRequest {
		t.Errorf("userinfo: status %d", w.Code)
	}
}

// FuzzEndpoints sends anything to the other endpoints: an answer is never a
// fault of ours, and nobody may cache it.
func FuzzEndpoints(f *testing.F) {
	for _, path := range []string{"introspect", "revoke", "userinfo"} {
		f.Add(path, "token=crt_x&token_type_hint=access_token", basic("portal", "portal-secret"), "application/token-introspection+jwt")
		f.Add(path, "token=a.b.c&"+clientAssertionType+"&client_assertion=a.b.c", "", "*/*;q=x")
		f.Add(path, "token=%00&client_id=portal&client_secret=%zz", "Bearer a.b.c", "")
	}
	mux := newIssuer(f).mux
	f.Fuzz(func(t *testing.T, name, body, authorization, accept string) {
		path := "/userinfo"
		if name == "introspect" || name == "revoke" {
			path = "/oauth2/" + name
		}
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
		r.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {accept}}
		if authorization != "" {
			r.Header["Authorization"] = []string{authorization}
		}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		if w.Code >= http.StatusInternalServerError {
			t.Error(fmt.Sprint("status ", w.Code, " with body ", w.Body))
		}
		if w.Header().Get("Cache-Control") != "no-store" {
			t.Error("the answer may be cached")
		}
	})
}
