package oauth_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/server/oauth"
	"github.com/claimsmith/claimsmith/storage"
)

func TestAccessTokenClaims(t *testing.T) {
	i := newIssuer(t)
	a := i.login(t, "scope=read write", "resource=https://other.example.com", "resource="+audience)
	claims := i.claims(t, a.Access)
	for _, name := range []string{"jti", "sid"} {
		if s, _ := claims[name].(string); len(s) < 22 {
			t.Errorf("%s is %q: want at least 128 random bits", name, s)
		}
		delete(claims, name)
	}
	iat, exp := claims["iat"].(float64), claims["exp"].(float64)
	if now := float64(time.Now().Unix()); iat > now || iat < now-60 || exp != iat+600 {
		t.Errorf("iat %v, exp %v at %v", iat, exp, now)
	}
	delete(claims, "iat")
	delete(claims, "exp")
	want := map[string]any{
		"iss": issuerURL, "sub": "u-1", "client_id": "portal", "scope": "read write",
		"aud": []any{"https://other.example.com", audience},
	}
	if diff := cmp.Diff(want, claims); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
}

func TestClientCredentialsNameTheClient(t *testing.T) {
	i := newIssuer(t)
	claims := i.claims(t, i.post(t, "grant_type=client_credentials").Access)
	if claims["sub"] != "portal" || claims["aud"] != audience {
		t.Errorf("sub %v, aud %v", claims["sub"], claims["aud"])
	}
}

func TestATokenDoesNotOutliveItsCredential(t *testing.T) {
	i := newIssuer(t)
	a := i.post(t, "grant_type="+oauth.GrantAPIKey, "api_key=ending-key")
	if a.Expires < 55 || a.Expires > 60 {
		t.Errorf("expires in %d s, want the key's last minute", a.Expires)
	}
}

func TestATokenDoesNotOutliveItsKey(t *testing.T) {
	i := newIssuer(t, func(c *oauth.Config) { c.LongestLifetime = time.Minute })
	if a := i.login(t); a.Expires != 60 {
		t.Errorf("expires in %d s, want the key's 60", a.Expires)
	}
}

const issuerClaims = `
name: ${identity.name}
groups: ${identity.groups}
level: ${identity.claims.level}
from: ${client.id} for ${token.lifetime} s
absent: ${identity.claims.absent}
`

const clientClaims = `
from: portal
org:
  of: [1, "${session.id == '' ? 'none' : 'some'}"]
`

func TestShapedClaims(t *testing.T) {
	shaped, err := oauth.ParseClaims("claims", []byte(issuerClaims))
	if err != nil {
		t.Fatal(err)
	}
	i := newIssuer(t, func(c *oauth.Config) { c.Claims = shaped })
	got := i.claims(t, i.login(t).Access)
	want := map[string]any{
		"name": "Alice Liddell", "groups": []any{"staff"}, "level": float64(3), "from": "portal for 600 s",
	}
	if diff := cmp.Diff(want, without(got)); diff != "" {
		t.Errorf("the issuer's claims (-want +got):\n%s", diff)
	}

	client, err := i.db.Client(t.Context(), issuerName, "portal")
	if err != nil {
		t.Fatal(err)
	}
	client.Claims = clientClaims
	if err := i.db.UpdateClient(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	got = i.claims(t, i.login(t).Access)
	want["from"] = "portal"
	want["org"] = map[string]any{"of": []any{float64(1), "some"}}
	if diff := cmp.Diff(want, without(got)); diff != "" {
		t.Errorf("with the client's claims (-want +got):\n%s", diff)
	}
}

// without returns claims without the standard ones.
func without(claims map[string]any) map[string]any {
	for _, name := range []string{"iss", "sub", "aud", "exp", "iat", "jti", "client_id", "scope", "sid"} {
		delete(claims, name)
	}
	return claims
}

func TestReservedClaimsAreRefused(t *testing.T) {
	for _, name := range []string{"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "client_id", "scope", "sid", "act", "cnf"} {
		if _, err := oauth.ParseClaims("claims", []byte(name+": x\n")); err == nil {
			t.Errorf("a shape may set %s", name)
		}
	}
}

func TestAFaultyShapeOfAClientDeniesNobodyElse(t *testing.T) {
	i := newIssuer(t)
	if err := i.db.CreateClient(t.Context(), storage.Client{
		Issuer: issuerName, ID: "broken", Grants: []string{oauth.GrantPassword}, Claims: "a: ${identity.nme}",
	}); err != nil {
		t.Fatal(err)
	}
	a := i.login(t)
	if a.Status != 200 {
		t.Errorf("status %d", a.Status)
	}
}

func TestTheDocumentedClaimsCompile(t *testing.T) {
	text, err := os.ReadFile("../../docs/claims.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```yaml\n")
	example, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("docs/claims.md has no example")
	}
	claims, err := oauth.ParseClaims("docs/claims.md", []byte(example))
	if err != nil {
		t.Fatal(err)
	}
	i := newIssuer(t, func(c *oauth.Config) { c.Claims = claims })
	got := i.claims(t, i.login(t).Access)
	for name, want := range map[string]any{"name": "Alice Liddell", "contact": "Alice Liddell <alice@example.com>", "level": float64(3), "kind": "guest", "version": float64(2)} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
}
