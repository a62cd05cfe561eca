package oauth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/goccy/go-yaml/parser"
	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/server/oauth"
	"github.com/claimsmith/claimsmith/storage"
)

// party is somebody with a key of their own who signs assertions.
type party struct {
	key *ecdsa.PrivateKey
	kid string
}

func newParty(t testing.TB, kid string) *party {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &party{key, kid}
}

// jwks is the party's JWK Set.
func (p *party) jwks(t testing.TB) string {
	t.Helper()
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.key.Public(), KeyID: p.kid, Algorithm: "ES256", Use: "sig"}}}
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// sign makes an assertion as most libraries do, without typ.
func (p *party) sign(t testing.TB, claims map[string]any) string {
	t.Helper()
	return p.signUnder(t, map[string]any{"kid": p.kid}, claims)
}

func (p *party) signTyped(t testing.TB, typ string, claims map[string]any) string {
	t.Helper()
	return p.signUnder(t, map[string]any{"kid": p.kid, "typ": typ}, claims)
}

func (p *party) signUnder(t testing.TB, header, claims map[string]any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return signAs(t, jose.SigningKey{Algorithm: jose.ES256, Key: p.key}, header, payload)
}

var lastID atomic.Int64

// assertion is what a client signs, with some claims changed; nil removes one.
func assertion(issuer, subject string, changes map[string]any) map[string]any {
	claims := map[string]any{
		"iss": issuer, "sub": subject, "aud": issuerURL, "jti": fmt.Sprint("a-", lastID.Add(1)),
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(),
	}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	return claims
}

const clientAssertionType = "client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// newRobot adds the client robot, which has a key and no secret.
func newRobot(t testing.TB, i *issuer, policy storage.ClientPolicy) {
	t.Helper()
	if err := i.db.CreateClient(t.Context(), storage.Client{
		Issuer: issuerName, ID: "robot", Grants: []string{oauth.GrantClientCredentials}, ClientPolicy: policy,
	}); err != nil {
		t.Fatal(err)
	}
}

// as asks for a token as robot; the answer is its error, "" for a token.
func (i *issuer) as(t testing.TB, assertion string, parameters ...string) string {
	t.Helper()
	a := i.ask(t, "/oauth2/token", "", append([]string{"grant_type=client_credentials", clientAssertionType, "client_assertion=" + assertion}, parameters...)...)
	if a["access_token"] != nil {
		return ""
	}
	return a["error"].(string)
}

func TestPrivateKeyJWT(t *testing.T) {
	i := newIssuer(t)
	robot, stranger := newParty(t, "one"), newParty(t, "one")
	newRobot(t, i, storage.ClientPolicy{JWKS: robot.jwks(t)})
	now := time.Now()
	for _, tt := range []struct {
		name    string
		changes map[string]any
		want    string
	}{
		{"for the issuer", nil, ""},
		{"for the token endpoint", map[string]any{"aud": issuerURL + "/oauth2/token"}, ""},
		{"for several", map[string]any{"aud": []string{"https://elsewhere.example.com", issuerURL}}, ""},
		{"without iat", map[string]any{"iat": nil}, ""},
		{"for somebody else", map[string]any{"aud": "https://elsewhere.example.com"}, "invalid_client"},
		{"for the issuer in another spelling", map[string]any{"aud": issuerURL + "/"}, "invalid_client"},
		{"for nobody", map[string]any{"aud": nil}, "invalid_client"},
		{"another iss", map[string]any{"iss": "portal"}, "invalid_client"},
		{"another sub", map[string]any{"sub": "portal"}, "invalid_client"},
		{"no sub", map[string]any{"sub": nil}, "invalid_client"},
		{"expired", map[string]any{"exp": now.Add(-2 * time.Minute).Unix()}, "invalid_client"},
		{"no exp", map[string]any{"exp": nil}, "invalid_client"},
		{"an hour", map[string]any{"exp": now.Add(time.Hour).Unix()}, "invalid_client"},
		{"not yet", map[string]any{"nbf": now.Add(3 * time.Minute).Unix()}, "invalid_client"},
		{"from the future", map[string]any{"iat": now.Add(3 * time.Minute).Unix()}, "invalid_client"},
		{"no jti", map[string]any{"jti": nil}, "invalid_client"},
		{"a long jti", map[string]any{"jti": strings.Repeat("a", 256)}, "invalid_client"},
	} {
		if got := i.as(t, robot.sign(t, assertion("robot", "robot", tt.changes))); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	for typ, want := range map[string]string{"JWT": "", "application/client-authentication+jwt": "", "at+jwt": "invalid_client"} {
		if got := i.as(t, robot.signTyped(t, typ, assertion("robot", "robot", nil))); got != want {
			t.Errorf("typ %s: %q, want %q", typ, got, want)
		}
	}
	if got := i.as(t, stranger.sign(t, assertion("robot", "robot", nil))); got != "invalid_client" {
		t.Errorf("signed by a stranger: %q", got)
	}
	if got := i.as(t, robot.sign(t, assertion("robot", "robot", nil)), "client_id=robot"); got != "" {
		t.Errorf("with client_id: %q", got)
	}
	if got := i.as(t, robot.sign(t, assertion("robot", "robot", nil)), "client_id=portal"); got != "invalid_client" {
		t.Errorf("with another client_id: %q", got)
	}
	if got := i.as(t, robot.sign(t, assertion("robot", "robot", nil)), "client_secret=x"); got != "invalid_request" {
		t.Errorf("with a secret: %q", got)
	}
	for _, path := range []string{"/oauth2/introspect", "/oauth2/revoke"} {
		if w := i.send(path, "", clientAssertionType, "client_assertion="+robot.sign(t, assertion("robot", "robot", nil)), "token=x"); w.Code != http.StatusOK {
			t.Errorf("%s: status %d", path, w.Code)
		}
	}
}

// The same assertion counts once, on whichever replica and however its
// signature is written.
func TestAnAssertionCountsOnce(t *testing.T) {
	i := newIssuer(t)
	robot := newParty(t, "one")
	newRobot(t, i, storage.ClientPolicy{JWKS: robot.jwks(t)})
	text := robot.sign(t, assertion("robot", "robot", nil))
	answers := make([]string, 8)
	var group sync.WaitGroup
	for n := range answers {
		group.Go(func() { answers[n] = i.as(t, text) })
	}
	group.Wait()
	taken := 0
	for _, a := range answers {
		if a == "" {
			taken++
		} else if a != "invalid_client" {
			t.Errorf("replay: %q", a)
		}
	}
	if taken != 1 {
		t.Errorf("taken %d times", taken)
	}
	if got := i.as(t, malleate(t, text)); got != "invalid_client" {
		t.Errorf("replay with the signature's twin: %q", got)
	}
	// One that a stranger signed uses up nothing.
	claims := assertion("robot", "robot", nil)
	i.as(t, newParty(t, "one").sign(t, claims))
	if got := i.as(t, robot.sign(t, claims)); got != "" {
		t.Errorf("after a forged one with the same jti: %q", got)
	}
}

// keyServer serves a key set over TLS as its handler says, and counts.
func keyServer(t testing.TB, serve http.HandlerFunc) (url string, client *http.Client, asked *atomic.Int32) {
	t.Helper()
	asked = new(atomic.Int32)
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		serve(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/jwks.json", s.Client(), asked
}

func TestKeysByURL(t *testing.T) {
	robot, next := newParty(t, "one"), newParty(t, "two")
	set := robot.jwks(t)
	url, client, asked := keyServer(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, set) })
	i := newIssuer(t, func(c *oauth.Config) { c.HTTP = client })
	newRobot(t, i, storage.ClientPolicy{JWKSURL: url})
	for range 3 {
		if got := i.as(t, robot.sign(t, assertion("robot", "robot", nil))); got != "" {
			t.Fatalf("answer %q", got)
		}
	}
	for range 3 { // a kid that is not there makes nobody ask without end
		if got := i.as(t, next.sign(t, assertion("robot", "robot", nil))); got != "invalid_client" {
			t.Fatalf("answer %q", got)
		}
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("fetched %d times, want once", n)
	}
}

func TestKeysByURLAreBounded(t *testing.T) {
	robot := newParty(t, "one")
	good := robot.jwks(t)
	for name, serve := range map[string]http.HandlerFunc{
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/jwks.json" {
				http.Redirect(w, r, "/elsewhere", http.StatusFound)
				return
			}
			fmt.Fprint(w, good)
		},
		"too large": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat(" ", 65<<10), good) },
		"an error":  func(w http.ResponseWriter, _ *http.Request) { http.Error(w, good, http.StatusInternalServerError) },
		"a page":    func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>", good) },
		"no keys":   func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"keys":[]}`) },
		"a secret": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"keys":[{"kty":"oct","k":"c2VjcmV0","kid":"one"}]}`)
		},
	} {
		url, client, _ := keyServer(t, serve)
		i := newIssuer(t, func(c *oauth.Config) { c.HTTP = client })
		newRobot(t, i, storage.ClientPolicy{JWKSURL: url})
		if got := i.as(t, robot.sign(t, assertion("robot", "robot", nil))); got != "temporarily_unavailable" {
			t.Errorf("%s: %q", name, got)
		}
	}
	i := newIssuer(t)
	newRobot(t, i, storage.ClientPolicy{JWKSURL: "http://localhost/jwks.json"})
	if got := i.as(t, robot.sign(t, assertion("robot", "robot", nil))); got != "temporarily_unavailable" {
		t.Errorf("http: %q", got)
	}
}

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

const partner = "https://login.partner.example"

// newPartnered returns an issuer that trusts a partner's assertions, with the
// client portal to bring them.
func newPartnered(t testing.TB, identity string) (*issuer, *party) {
	t.Helper()
	p := newParty(t, "p1")
	trusted := oauth.TrustedIssuer{Issuer: partner, Keys: oauth.KeySource{JWKS: p.jwks(t)}, Algorithms: []string{"ES256"}}
	if identity != "" {
		trusted.Identity = compileMapping(t, identity)
	}
	shaped, err := oauth.ParseClaims("claims", []byte("email?: ${identity.email}\ngroups?: ${identity.groups}\nlevel: ${identity.claims.level}\n"))
	if err != nil {
		t.Fatal(err)
	}
	return newIssuer(t, func(c *oauth.Config) { c.TrustedIssuers, c.Claims = []oauth.TrustedIssuer{trusted}, shaped }), p
}

func TestJWTBearer(t *testing.T) {
	i, p := newPartnered(t, "subject: partner:${claims.sub}\nemail: ${claims.email}\ngroups: ${claims.roles}\nclaims: {level: \"${claims.level}\"}\n")
	grant := func(text string, parameters ...string) answer {
		return i.post(t, append([]string{"grant_type=" + oauth.GrantJWTBearer, "assertion=" + text}, parameters...)...)
	}
	said := map[string]any{"email": "bob@partner.example", "roles": []string{"buyer"}, "level": 7}
	text := p.sign(t, assertion(partner, "bob", said))
	a := grant(text, "scope=read")
	if a.Status != http.StatusOK || a.Refresh != "" || a.Scope != "read" {
		t.Fatalf("answer %+v", a)
	}
	claims := i.claims(t, a.Access)
	want := map[string]any{"sub": "partner:bob", "client_id": "portal", "email": "bob@partner.example", "groups": []any{"buyer"}, "level": float64(7)}
	maps.DeleteFunc(claims, func(name string, _ any) bool { return want[name] == nil })
	if diff := cmp.Diff(want, claims); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
	if again := grant(text); again.Error != "invalid_grant" {
		t.Errorf("replay: %+v", again)
	}
	if a := grant(p.sign(t, assertion(partner, "bob", said)), "scope=offline_access"); a.Error != "invalid_scope" {
		t.Errorf("offline_access: %+v", a)
	}
	if a := i.post(t, "grant_type="+oauth.GrantJWTBearer); a.Error != "invalid_request" {
		t.Errorf("no assertion: %+v", a)
	}
	for name, text := range map[string]string{
		"not trusted":    p.sign(t, assertion("https://elsewhere.example", "bob", said)),
		"for another":    p.sign(t, assertion(partner, "bob", map[string]any{"aud": partner})),
		"a stranger's":   newParty(t, "p1").sign(t, assertion(partner, "bob", said)),
		"too long":       p.sign(t, assertion(partner, "bob", map[string]any{"exp": time.Now().Add(2 * time.Hour).Unix()})),
		"expired":        p.sign(t, assertion(partner, "bob", map[string]any{"exp": time.Now().Add(-time.Hour).Unix()})),
		"without sub":    p.sign(t, assertion(partner, "bob", map[string]any{"sub": nil})),
		"without jti":    p.sign(t, assertion(partner, "bob", map[string]any{"jti": nil})),
		"no JWT":         "nonsense",
		"our own tokens": a.Access,
	} {
		if a := grant(text); a.Status != http.StatusBadRequest || a.Error != "invalid_grant" {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

func TestJWTBearerWithoutAMapping(t *testing.T) {
	i, p := newPartnered(t, "")
	a := i.post(t, "grant_type="+oauth.GrantJWTBearer, "assertion="+p.sign(t, assertion(partner, "bob", map[string]any{"email": "bob@partner.example"})))
	if claims := i.claims(t, a.Access); claims["sub"] != "bob" || claims["email"] != nil {
		t.Errorf("claims %v", claims)
	}
}

func TestJWTBearerWithoutTrustedIssuers(t *testing.T) {
	i := newIssuer(t)
	if a := i.post(t, "grant_type="+oauth.GrantJWTBearer, "assertion=x"); a.Error != "unsupported_grant_type" {
		t.Errorf("answer %+v", a)
	}
}
