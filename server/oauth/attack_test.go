package oauth_test

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/claimsmith/claimsmith/server/oauth"
	"github.com/claimsmith/claimsmith/storage"
)

// The attacks on verifiers of JWTs that were published. Each makes of a token that
// is good one that must not be taken, wherever a token comes in.
var forgeries = []struct {
	name  string
	forge func(o *original) string
}{
	// "Critical vulnerabilities in JSON Web Token libraries", T. McLean, 2015
	{"alg none", func(o *original) string { return o.headed(map[string]any{"alg": "none"}) + "." }},
	{"alg none, signature kept", func(o *original) string { return o.with(map[string]any{"alg": "none"}) }},
	{"alg None", func(o *original) string { return o.headed(map[string]any{"alg": "None"}) + "." }},
	{"alg nOnE", func(o *original) string { return o.headed(map[string]any{"alg": "nOnE"}) + "." }},
	{"alg empty", func(o *original) string { return o.headed(map[string]any{"alg": ""}) + "." }},
	{"no alg", func(o *original) string { return o.headed(map[string]any{"alg": nil}) + "." }},
	{"alg twice", func(o *original) string {
		return encode64([]byte(`{"alg":"ES256","alg":"none"}`)) + "." + o.payload + "."
	}},
	{"HS256 under the public key, in PEM", func(o *original) string { return o.hmac(pemOf(o.spki())) }},
	{"HS256 under the public key, PEM cut", func(o *original) string { return o.hmac(bytes.TrimSpace(pemOf(o.spki()))) }},
	{"HS256 under the public key, in DER", func(o *original) string { return o.hmac(o.spki()) }},
	{"HS256 under the public key, as JWK", func(o *original) string { return o.hmac(o.jwk(o.public)) }},
	{"HS256 under zeros", func(o *original) string { return o.hmac(make([]byte, 32)) }},
	{"another algorithm of the family", func(o *original) string { return o.with(map[string]any{"alg": "ES384"}) }},
	{"another family", func(o *original) string { return o.with(map[string]any{"alg": "RS256"}) }},

	// CVE-2018-0114 and its like: the token brings its own key
	{"another key under the kid", func(o *original) string { return o.stolen(nil) }},
	{"jwk in the header", func(o *original) string {
		return o.stolen(map[string]any{"jwk": json.RawMessage(o.jwk(&o.thief.key.PublicKey))})
	}},
	{"jku in the header", func(o *original) string { return o.stolen(map[string]any{"jku": "https://thief.example/jwks.json"}) }},
	{"x5u in the header", func(o *original) string { return o.stolen(map[string]any{"x5u": "https://thief.example/cert.pem"}) }},
	{"x5c in the header", func(o *original) string { return o.stolen(map[string]any{"x5c": []string{o.certificate()}}) }},

	// kid as a path, a query, a command
	{"kid a path", func(o *original) string { return o.stolen(map[string]any{"kid": "../../../../../../dev/null"}) }},
	{"kid SQL", func(o *original) string { return o.stolen(map[string]any{"kid": "x' union select 'thief'; --"}) }},
	{"kid a command", func(o *original) string { return o.stolen(map[string]any{"kid": "|/bin/sleep 10"}) }},
	{"kid a URL", func(o *original) string { return o.stolen(map[string]any{"kid": "https://thief.example/jwks.json"}) }},
	{"kid with NUL", func(o *original) string { return o.with(map[string]any{"kid": o.header["kid"].(string) + "\x00"}) }},
	{"kid very long", func(o *original) string { return o.with(map[string]any{"kid": strings.Repeat("k", 8<<10)}) }},
	{"kid a number", func(o *original) string { return o.with(map[string]any{"kid": 1}) }},
	{"kid an object", func(o *original) string { return o.with(map[string]any{"kid": map[string]any{"a": 1}}) }},

	// signatures in another writing, and none at all
	{"zero signature (CVE-2022-21449)", func(o *original) string { return o.signed(make([]byte, 64)) }},
	{"no signature", func(o *original) string { return o.signed(nil) }},
	{"a signature cut off", func(o *original) string { return o.signed(o.signature[:63]) }},
	{"a byte after the signature", func(o *original) string { return o.signed(append(slices.Clone(o.signature), 0)) }},
	{"a byte before s", func(o *original) string { return o.signed(slices.Insert(slices.Clone(o.signature), 32, 0)) }},
	{"s + n", func(o *original) string { return o.signed(o.plusN()) }},
	{"a signature in DER", func(o *original) string { return o.signed(o.der()) }},
	{"base64 with padding", func(o *original) string { return o.token + "==" }},
	{"base64 with a line break", func(o *original) string { return o.head + "." + o.payload + ".\n" + encode64(o.signature) }},
	{"base64 with other last bits", (*original).lastBits},
	{"a space after the token", func(o *original) string { return o.token + " " }},

	// RFC 7515 section 4.1.11 and RFC 7797
	{"crit", func(o *original) string { return o.with(map[string]any{"crit": []string{"exp"}, "exp": 1}) }},
	{"crit b64", func(o *original) string { return o.with(map[string]any{"crit": []string{"b64"}, "b64": false}) }},
	{"a detached payload", func(o *original) string { return o.head + ".." + encode64(o.signature) }},

	// another form than the compact one, and what costs to read
	{"JSON form", func(o *original) string {
		return fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, o.head, o.payload, encode64(o.signature))
	}},
	{"two parts", func(o *original) string { return o.head + "." + o.payload }},
	{"twice", func(o *original) string { return o.token + "." + o.token }},
	{"a JWE with a billion rounds (CVE-2023-52428)", func(*original) string {
		return encode64([]byte(`{"alg":"PBES2-HS256+A128KW","enc":"A128CBC-HS256","p2s":"c2FsdA","p2c":1000000000}`)) + ".AAAA.AAAA.AAAA.AAAA"
	}},
	{"dots", func(*original) string { return strings.Repeat(".", 10<<10) }},
	{"deep JSON", func(o *original) string {
		return encode64([]byte(strings.Repeat(`{"alg":`, 1500))) + "." + o.payload + "." + encode64(o.signature)
	}},
}

// jwk returns a public key as JWK.
func (o *original) jwk(key *ecdsa.PublicKey) []byte {
	text, err := jose.JSONWebKey{Key: key, KeyID: o.header["kid"].(string)}.MarshalJSON()
	if err != nil {
		o.t.Fatal(err)
	}
	return text
}

// publicKey is the issuer's, as anyone can fetch it.
func (i *issuer) publicKey(t testing.TB) *ecdsa.PublicKey {
	t.Helper()
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(i.get("/.well-known/jwks.json", "").Body.Bytes(), &set); err != nil {
		t.Fatal(err)
	}
	return set.Keys[0].Key.(*ecdsa.PublicKey)
}

// Forged access tokens, at each endpoint that takes one.
func TestForgedTokens(t *testing.T) {
	i := newIssuer(t)
	good := i.login(t, "scope=read").Access
	o := newOriginal(t, good, i.publicKey(t))
	api := basic("api", "api-secret")
	for _, f := range forgeries {
		text := f.forge(o)
		if i.active(t, text) {
			t.Errorf("%s: introspection calls it active", f.name)
		}
		if w := i.get("/userinfo", "Bearer "+text); w.Code != http.StatusUnauthorized && w.Code != http.StatusBadRequest && strings.TrimSpace(text) != good { // HTTP trims as well
			t.Errorf("%s: userinfo answers %d", f.name, w.Code)
		}
		for _, a := range []map[string]any{
			i.ask(t, "/oauth2/token", api, "grant_type="+oauth.GrantTokenExchange, "subject_token="+text, "subject_token_type="+tokenTypeAccess),
			i.ask(t, "/oauth2/token", api, "grant_type="+oauth.GrantTokenExchange, "subject_token="+good, "subject_token_type="+tokenTypeAccess,
				"actor_token="+text, "actor_token_type="+tokenTypeAccess),
		} {
			if a["error"] != "invalid_request" {
				t.Errorf("%s: exchange answers %v", f.name, a)
			}
		}
		if w := i.send("/oauth2/revoke", basic("portal", "portal-secret"), "token="+text); w.Code != http.StatusOK || !i.active(t, good) {
			t.Fatalf("%s: revoking it answers %d, and revokes the token itself: %v", f.name, w.Code, !i.active(t, good))
		}
	}
	if w := i.get("/userinfo", "Bearer "+good); w.Code != http.StatusOK {
		t.Errorf("the token itself: %d", w.Code)
	}
}

// Forged assertions of a client, and of a trusted issuer. None uses up the one that
// it is made of.
func TestForgedAssertions(t *testing.T) {
	i, partnerKey := newPartnered(t, "")
	robot := newParty(t, "one")
	newRobot(t, i, storage.ClientPolicy{JWKS: robot.jwks(t)})
	client := newOriginal(t, robot.sign(t, assertion("robot", "robot", nil)), &robot.key.PublicKey)
	grant := newOriginal(t, partnerKey.sign(t, assertion(partner, "bob", nil)), &partnerKey.key.PublicKey)
	trade := func(text string) string {
		return i.post(t, "grant_type="+oauth.GrantJWTBearer, "assertion="+text).Error
	}
	for _, f := range forgeries {
		if got := i.as(t, f.forge(client)); got != "invalid_client" {
			t.Errorf("%s: as a client's assertion: %q", f.name, got)
		}
		if got := trade(f.forge(grant)); got != "invalid_grant" {
			t.Errorf("%s: as a trusted issuer's assertion: %q", f.name, got)
		}
	}
	if got := i.as(t, client.token); got != "" {
		t.Errorf("the client's assertion itself: %q", got)
	}
	if got := trade(grant.token); got != "" {
		t.Errorf("the trusted issuer's assertion itself: %q", got)
	}
}

// RFC 8725 section 2.8: a token of one kind, rightly signed, in the place of
// another.
func TestATokenOfOneKindIsNoOther(t *testing.T) {
	i, partnerKey := newPartnered(t, "")
	robot := newParty(t, "one")
	newRobot(t, i, storage.ClientPolicy{JWKS: robot.jwks(t)})
	portal := basic("portal", "portal-secret")
	login := i.login(t, "scope=read offline_access")
	typed := func(p *party, typ string, claims map[string]any) string { return p.signTyped(t, typ, claims) }
	kinds := map[string]string{
		"an access token":                     login.Access,
		"a refresh token":                     login.Refresh,
		"an API key":                          "good-key",
		"an ID token":                         i.sign(t, "JWT", i.claims(t, login.Access)),
		"a signed introspection answer":       i.sign(t, "token-introspection+jwt", i.claims(t, login.Access)),
		"a client's assertion":                robot.sign(t, assertion("robot", "robot", nil)),
		"a trusted issuer's assertion":        partnerKey.sign(t, assertion(partner, "bob", nil)),
		"a trusted issuer's access token":     typed(partnerKey, "at+jwt", assertion(partner, "bob", nil)),
		"a trusted issuer's logout token":     typed(partnerKey, "application/logout+jwt", assertion(partner, "bob", nil)),
		"an access token that a client signs": typed(robot, "AT+JWT", assertion("robot", "robot", nil)),
		"a client's assertion for a grant":    typed(robot, "authorization-grant+jwt", assertion("robot", "robot", nil)),
	}
	ways := []struct {
		name  string
		only  string // what is taken there
		taken func(text string) bool
	}{
		{"userinfo", "an access token", func(s string) bool { return i.get("/userinfo", "Bearer "+s).Code == http.StatusOK }},
		{"exchange", "", func(s string) bool {
			a := i.ask(t, "/oauth2/token", basic("api", "api-secret"), "grant_type="+oauth.GrantTokenExchange, "subject_token="+s, "subject_token_type="+tokenTypeAccess)
			return a["access_token"] != nil
		}},
		{"exchange of an API key", "an API key", func(s string) bool {
			a := i.ask(t, "/oauth2/token", portal, "grant_type="+oauth.GrantTokenExchange, "subject_token="+s, "subject_token_type=urn:claimsmith:params:oauth:token-type:api-key")
			return a["access_token"] != nil
		}},
		{"refresh", "a refresh token", func(s string) bool { return i.refresh(t, s).Error == "" }},
		{"JWT bearer", "a trusted issuer's assertion", func(s string) bool {
			return i.post(t, "grant_type="+oauth.GrantJWTBearer, "assertion="+s).Error == ""
		}},
		{"client assertion", "a client's assertion", func(s string) bool { return i.as(t, s) == "" }},
	}
	for _, way := range ways {
		for kind, text := range kinds {
			want := kind == way.only || way.name == "exchange" && kind == "an access token"
			if got := way.taken(text); got != want {
				t.Errorf("%s takes %s: %v", way.name, kind, got)
			}
		}
	}
}

// A revoked token stays revoked in the other writing of its signature.
func TestASignaturesTwinIsRevokedToo(t *testing.T) {
	i := newIssuer(t)
	token := i.login(t).Access
	twin := malleate(t, token)
	if !i.active(t, twin) {
		t.Fatal("the twin of a good signature does not verify: the test shows nothing")
	}
	i.send("/oauth2/revoke", basic("portal", "portal-secret"), "token="+token)
	if i.active(t, twin) {
		t.Error("the twin is active")
	}
}

// Nothing that proves anything is taken from a query, which ends up in logs.
func TestCredentialsInTheQueryAreRefused(t *testing.T) {
	i := newIssuer(t)
	access := i.login(t).Access
	for _, path := range []string{
		"/oauth2/token?client_id=portal&client_secret=portal-secret",
		"/oauth2/token?grant_type=password&username=alice&password=wonderland",
		"/oauth2/token?grant_type=authorization_code&code=secret-code",
		"/oauth2/token?client_assertion=secret",
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

// A client that does not exist takes as long to refuse as one whose secret is
// wrong. What a request costs besides is the same for both.
func TestAnUnknownClientTakesAsLongAsAWrongSecret(t *testing.T) {
	i := newIssuer(t, cachedClients)
	took := map[string][]time.Duration{}
	for round := range 600 {
		for _, name := range []string{"portal", "nobody"} {
			began := time.Now()
			if w := i.send("/oauth2/token", basic(name, "wrong"), "grant_type=client_credentials"); w.Code != http.StatusUnauthorized {
				t.Fatal(w.Code, w.Body)
			}
			if round >= 100 {
				took[name] = append(took[name], time.Since(began))
			}
		}
	}
	for _, series := range took {
		slices.Sort(series)
	}
	for _, q := range []int{125, 250} {
		known, unknown := took["portal"][q], took["nobody"][q]
		if known > 2*unknown || unknown > 2*known {
			t.Errorf("at place %d of 500: %v for a wrong secret, %v for a client that does not exist", q, known, unknown)
		}
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
