package oauth_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/server/oauth"
	"github.com/claimsmith/claimsmith/storage"
)

const tokenTypeAccess = "urn:ietf:params:oauth:token-type:access_token"

// trade exchanges an access token as a service and returns the claims of the
// new one.
func (i *issuer) trade(t testing.TB, authorization, subject string, parameters ...string) (token string, claims map[string]any) {
	t.Helper()
	a := i.ask(t, "/oauth2/token", authorization, append([]string{
		"grant_type=" + oauth.GrantTokenExchange, "subject_token=" + subject, "subject_token_type=" + tokenTypeAccess,
	}, parameters...)...)
	token, ok := a["access_token"].(string)
	if !ok || a["issued_token_type"] != tokenTypeAccess || a["refresh_token"] != nil {
		t.Fatalf("exchange: %v", a)
	}
	return token, i.claims(t, token)
}

func TestAnExchangedTokenSaysLess(t *testing.T) {
	shaped, err := oauth.ParseClaims("claims", []byte("level: ${identity.claims.level}\n"))
	if err != nil {
		t.Fatal(err)
	}
	i := newIssuer(t, func(c *oauth.Config) { c.Claims = shaped })
	subject := i.login(t, "scope=read write offline_access").Access
	token, got := i.trade(t, basic("api", "api-secret"), subject, "scope=read", "audience=https://stock.example.com")
	old := i.claims(t, subject)
	want := map[string]any{
		"iss": issuerURL, "sub": "u-1", "client_id": "api", "scope": "read", "aud": "https://stock.example.com",
		"sid": old["sid"], "level": float64(3),
	}
	if got["exp"].(float64) > old["exp"].(float64) || got["jti"] == old["jti"] {
		t.Errorf("exp %v, jti %v of a token with exp %v, jti %v", got["exp"], got["jti"], old["exp"], old["jti"])
	}
	for _, name := range []string{"exp", "iat", "jti"} {
		delete(got, name)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}

	if !i.active(t, token) {
		t.Error("the new token is not active")
	}
	i.ask(t, "/oauth2/revoke", basic("portal", "portal-secret"), "token="+i.login(t, "scope=offline_access").Refresh)
	if !i.active(t, token) {
		t.Error("the end of another session ends the new token")
	}
	if err := i.db.EndSession(t.Context(), issuerName, old["sid"].(string), "test", alice.Expires.AddDate(2000, 0, 0)); err != nil {
		t.Fatal(err)
	}
	if i.active(t, token) {
		t.Error("the new token outlives the session that it came of")
	}
}

func TestDelegationNamesWhoActs(t *testing.T) {
	i := newIssuer(t)
	api := basic("api", "api-secret")
	subject := i.login(t, "scope=read").Access
	robot := i.ask(t, "/oauth2/token", basic("portal", "portal-secret"), "grant_type=client_credentials")["access_token"].(string)

	delegated, claims := i.trade(t, api, subject, "actor_token="+robot, "actor_token_type="+tokenTypeAccess)
	first := map[string]any{"sub": "portal", "client_id": "portal"}
	if diff := cmp.Diff(map[string]any{"sub": "u-1", "act": first}, map[string]any{"sub": claims["sub"], "act": claims["act"]}); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}

	// What is traded in again keeps who acts, and a second one stands before.
	_, claims = i.trade(t, api, delegated)
	if diff := cmp.Diff(any(first), claims["act"]); diff != "" {
		t.Errorf("act after another exchange (-want +got):\n%s", diff)
	}
	_, claims = i.trade(t, api, delegated, "actor_token="+i.login(t).Access, "actor_token_type="+tokenTypeAccess)
	if diff := cmp.Diff(any(map[string]any{"sub": "u-1", "client_id": "portal", "act": first}), claims["act"]); diff != "" {
		t.Errorf("act of two (-want +got):\n%s", diff)
	}
}

// An issuer without plugins knows no API keys; access tokens can be traded all the same.
func TestWithoutPluginsNoAPIKeyIsExchanged(t *testing.T) {
	i := newIssuer(t, func(c *oauth.Config) { c.Chain = nil })
	a := i.post(t, "grant_type="+oauth.GrantTokenExchange, "subject_token=good-key", "subject_token_type=urn:claimsmith:params:oauth:token-type:api-key")
	if a.Status != 400 || a.Error != "invalid_request" {
		t.Errorf("an API key: %+v", a)
	}
	subject := i.ask(t, "/oauth2/token", basic("portal", "portal-secret"), "grant_type=client_credentials")["access_token"].(string)
	if _, claims := i.trade(t, basic("api", "api-secret"), subject); claims["sub"] != "portal" {
		t.Errorf("claims %v", claims)
	}
}

// A service that is called as a person is gets no token that reads as its own.
func TestNobodyIsExchangedForTheClientItself(t *testing.T) {
	i := newIssuer(t)
	service := storage.Client{
		Issuer: issuerName, ID: alice.Subject, Audience: []string{audience},
		Secrets: []storage.SecretHash{{Hash: oauth.HashClientSecret("u-1-secret")}},
		Grants:  []string{oauth.GrantTokenExchange, oauth.GrantClientCredentials}, Scopes: []string{"read"},
		ClientPolicy: storage.ClientPolicy{Exchange: []string{"https://orders.example.com"}},
	}
	if err := i.db.CreateClient(t.Context(), service); err != nil {
		t.Fatal(err)
	}
	as := basic(service.ID, "u-1-secret")
	a := i.ask(t, "/oauth2/token", as, "grant_type="+oauth.GrantTokenExchange, "subject_token="+i.login(t).Access, "subject_token_type="+tokenTypeAccess)
	if a["error"] != "invalid_request" || a["access_token"] != nil {
		t.Errorf("alice's token: %v", a)
	}
	own := i.ask(t, "/oauth2/token", as, "grant_type=client_credentials")["access_token"].(string)
	if _, claims := i.trade(t, as, own); claims["sub"] != service.ID {
		t.Errorf("its own token: %v", claims)
	}
}

// A token in another spelling may name a person and no subject.
func TestNoTokenWithoutSubjectIsExchanged(t *testing.T) {
	i := newIssuer(t, func(c *oauth.Config) {
		c.TokenFinders = []oauth.TokenFinder{func(_ context.Context, text string) (oauth.FoundToken, error) {
			return oauth.FoundToken{
				Kind: oauth.KindAccessToken, ID: "t-1", Session: "s-1", Client: "portal", Audience: []string{audience},
				Scopes: []string{"read"}, Expires: time.Now().Add(time.Minute),
				Claims: map[string]json.RawMessage{"username": json.RawMessage(`"alice"`)},
			}, nil
		}}
	})
	a := i.ask(t, "/oauth2/token", basic("api", "api-secret"), "grant_type="+oauth.GrantTokenExchange, "subject_token=spelt-otherwise", "subject_token_type="+tokenTypeAccess)
	if a["error"] != "invalid_request" || a["access_token"] != nil {
		t.Errorf("answer %v", a)
	}
}

// A service that is handed an exchanged token learns from it what it says, and
// nothing else that the session knows.
func TestUserinfoOfAnExchangedTokenIsItsOwn(t *testing.T) {
	i := newIssuer(t)
	token, _ := i.trade(t, basic("api", "api-secret"), i.login(t, "scope=read offline_access").Access)
	if w := i.get("/userinfo", "Bearer "+token); w.Code != 200 || w.Body.String() != `{"sub":"u-1"}` {
		t.Errorf("status %d, body %s", w.Code, w.Body)
	}
}

func TestATokenOfAClientThatIsGoneIsDead(t *testing.T) {
	i := newIssuer(t)
	token := i.login(t).Access
	client, err := i.db.Client(t.Context(), issuerName, "portal")
	if err != nil {
		t.Fatal(err)
	}
	client.Disabled = true
	if err := i.db.UpdateClient(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	if i.active(t, token) {
		t.Error("the token of a disabled client is active")
	}
	if err := i.db.DeleteClient(t.Context(), issuerName, "portal"); err != nil {
		t.Fatal(err)
	}
	if i.active(t, token) {
		t.Error("the token of a deleted client is active")
	}
}

// A shaped claim cannot pass for the server's word, in any letter case.
func TestShapedClaimsDoNotBendIntrospection(t *testing.T) {
	shaped, err := oauth.ParseClaims("claims", []byte("active: no\ntoken_type: dpop\nEXP: 4102444800\nClient_Id: auditor\nAUD: other\n"))
	if err != nil {
		t.Fatal(err)
	}
	i := newIssuer(t, func(c *oauth.Config) { c.Claims = shaped })
	token := i.login(t).Access
	a := i.ask(t, "/oauth2/introspect", basic("api", "api-secret"), "token="+token)
	if a["active"] != true || a["token_type"] != "Bearer" || a["client_id"] != "portal" {
		t.Errorf("introspection: %v", a)
	}
	if b := i.ask(t, "/oauth2/introspect", basic("other", "other-secret"), "token="+token); b["active"] != false {
		t.Errorf("introspection by another service: %v", b)
	}
}

// RFC 8693 section 4.4: a token that names who may act for its subject lets nobody
// else, whatever else the client may do.
func TestMayActNamesWhoMayAct(t *testing.T) {
	type answers struct{ delegated, plain map[string]any }
	act := func(mayAct string) answers {
		shaped, err := oauth.ParseClaims("claims", []byte("may_act: "+mayAct+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		i := newIssuer(t, func(c *oauth.Config) { c.Claims = shaped })
		robot := i.ask(t, "/oauth2/token", basic("portal", "portal-secret"), "grant_type=client_credentials")["access_token"].(string)
		exchange := func(actor ...string) map[string]any {
			return i.ask(t, "/oauth2/token", basic("api", "api-secret"), append(actor, "grant_type="+oauth.GrantTokenExchange,
				"subject_token="+i.login(t, "scope=read").Access, "subject_token_type="+tokenTypeAccess)...)
		}
		return answers{exchange("actor_token="+robot, "actor_token_type="+tokenTypeAccess), exchange()}
	}
	for mayAct, want := range map[string]any{
		"{sub: portal}": nil,
		"{sub: portal, client_id: portal, iss: \"" + issuerURL + "\"}": nil,
		"{sub: somebody else}":                  "invalid_request",
		"{sub: portal, iss: \"https://other\"}": "invalid_request",
		"{sub: portal, email: bob@example.com}": "invalid_request",
		"{sub: [portal]}":                       "invalid_request",
		"{}":                                    "invalid_request",
		"portal":                                "invalid_request",
	} {
		a := act(mayAct)
		if a.delegated["error"] != want || (want == nil) != (a.delegated["access_token"] != nil) {
			t.Errorf("may_act %s: %v", mayAct, a.delegated)
		}
		if a.plain["error"] != "invalid_request" || a.plain["access_token"] != nil {
			t.Errorf("may_act %s, by a client that names no actor: %v", mayAct, a.plain)
		}
	}
	for _, mayAct := range []string{"{sub: api}", "{client_id: api, iss: \"" + issuerURL + "\"}"} {
		if a := act(mayAct); a.plain["access_token"] == nil || a.delegated["access_token"] != nil {
			t.Errorf("may_act %s: %v", mayAct, a)
		}
	}
}
