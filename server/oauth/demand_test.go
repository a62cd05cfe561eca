package oauth_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/server/oauth"
	"github.com/claimsmith/claimsmith/storage"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// RFC 6749 section 5.2, RFC 7009 section 2.2.1, RFC 7662 section 2.3: whoever fails
// to authenticate as a client is told how it could, at each endpoint alike.
func TestA401HasAChallenge(t *testing.T) {
	i := newIssuer(t)
	for _, path := range []string{"/oauth2/token", "/oauth2/introspect", "/oauth2/revoke"} {
		for _, authorization := range []string{
			"", basic("portal", "wrong"), basic("nobody", "wrong"), basic("portal", ""), basic("", ""),
			"Basic", "Basic !", "Basic " + encode64([]byte("no colon")), "Bearer x", "Digest x", "x",
		} {
			w := i.send(path, authorization, "grant_type=client_credentials", "token=x")
			h := w.Header()
			if w.Code != http.StatusUnauthorized || !strings.HasPrefix(h.Get("WWW-Authenticate"), `Basic realm="`) ||
				h.Get("Cache-Control") != "no-store" || h.Get("Pragma") != "no-cache" || !strings.Contains(w.Body.String(), `"invalid_client"`) {
				t.Errorf("%s, Authorization %q: status %d, header %v, body %s", path, authorization, w.Code, h, w.Body)
			}
		}
	}
}

// RFC 6749 section 3.2: also what is written twice in one way of two.
func TestNoParameterComesTwice(t *testing.T) {
	i := newIssuer(t)
	for _, path := range []string{"/oauth2/token", "/oauth2/introspect", "/oauth2/revoke"} {
		for _, twice := range [][]string{
			{"client_id=portal", "client_id=portal"}, {"token=a", "token=b"}, {"grant_type=client_credentials", "grant_type=client_credentials"},
			{"scope=read", "scope=write"}, {"scope=", "scope=read"}, {"token_type_hint=a", "token_type_hint=a"}, {"colour=a", "colour=b"},
		} {
			w := i.send(path, basic("portal", "portal-secret"), append(twice, "x=y")...)
			if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "a parameter is given more than once") {
				t.Errorf("%s, %q: status %d, body %s", path, twice, w.Code, w.Body)
			}
		}
	}
}

// RFC 6749 sections 10.3 and 10.4: who reads the database can use nothing of it.
func TestStorageHoldsNoToken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "copy.db")
	db, err := storage.Open(t.Context(), sqldb.Config{URL: "sqlite:" + file})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	i := newIssuer(t, func(c *oauth.Config) { c.Sessions, c.Revocations, c.Assertions = db, db, db })
	first := i.login(t, "scope=read offline_access")
	second := i.refresh(t, first.Refresh)
	i.send("/oauth2/revoke", basic("portal", "portal-secret"), "token="+first.Access)
	var stored []byte
	for _, name := range []string{file, file + "-wal"} {
		b, err := os.ReadFile(name)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		stored = append(stored, b...)
	}
	if !bytes.Contains(stored, []byte("alice@example.com")) {
		t.Fatal("the session is not in the files: the test shows nothing")
	}
	for name, secret := range map[string]string{
		"access token": first.Access, "its signature": first.Access[strings.LastIndexByte(first.Access, '.')+1:], "password": "wonderland",
		"refresh token": first.Refresh, "its successor": second.Refresh, "its successor without the prefix": strings.TrimPrefix(second.Refresh, "crt_"),
	} {
		if bytes.Contains(stored, []byte(secret)) {
			t.Errorf("%s is stored", name)
		}
	}
}

// RFC 8707 section 2.2: a refresh stays within the resources of the session.
func TestRefreshNarrowsTheAudience(t *testing.T) {
	i := newIssuer(t)
	const other = "https://other.example.com"
	both := i.login(t, "scope=offline_access", "resource="+audience, "resource="+other)
	narrow := i.refresh(t, both.Refresh, "resource="+other)
	if claims := i.claims(t, narrow.Access); claims["aud"] != other {
		t.Errorf("aud %v, want the one that was asked for", claims["aud"])
	}
	if back := i.refresh(t, narrow.Refresh, "resource="+audience); back.Status != http.StatusOK {
		t.Errorf("the other one, later: %+v", back)
	}
	one := i.login(t, "scope=offline_access", "resource="+audience)
	if wide := i.refresh(t, one.Refresh, "resource="+other); wide.Error != "invalid_target" {
		t.Errorf("beyond the session: %+v", wide)
	}
}

// RFC 9700 section 2.2.2: a public client's refresh token is worth one use, and
// is of no use to another client.
func TestAPublicClientsRefreshTokenRotates(t *testing.T) {
	i := newIssuer(t)
	for _, id := range []string{"mobile", "thief"} {
		if err := i.db.CreateClient(t.Context(), storage.Client{
			Issuer: issuerName, ID: id, Grants: []string{oauth.GrantPassword, oauth.GrantRefreshToken}, Scopes: []string{"offline_access"},
		}); err != nil {
			t.Fatal(err)
		}
	}
	login := i.ask(t, "/oauth2/token", "", "grant_type=password", "client_id=mobile", "username=alice", "password=wonderland", "scope=offline_access")
	refresh := func(client string, token any) map[string]any {
		return i.ask(t, "/oauth2/token", "", "grant_type=refresh_token", "client_id="+client, "refresh_token="+token.(string))
	}
	if a := refresh("thief", login["refresh_token"]); a["error"] != "invalid_grant" {
		t.Errorf("another client: %v", a)
	}
	next := refresh("mobile", login["refresh_token"])
	if next["refresh_token"] == nil || next["refresh_token"] == login["refresh_token"] {
		t.Fatalf("refresh: %v", next)
	}
	last := refresh("mobile", next["refresh_token"])
	if a := refresh("mobile", login["refresh_token"]); a["error"] != "invalid_grant" {
		t.Errorf("replay: %v", a)
	}
	if a := refresh("mobile", last["refresh_token"]); a["error"] != "invalid_grant" {
		t.Errorf("the session lives on after a replay: %v", a)
	}
}

// RFC 8693 section 2.1: what the server cannot issue is refused, not replaced.
func TestExchangeIssuesAccessTokensAlone(t *testing.T) {
	i := newIssuer(t)
	subject := i.login(t, "scope=read").Access
	for wanted, want := range map[string]any{
		"": nil, tokenTypeAccess: nil,
		"urn:ietf:params:oauth:token-type:refresh_token": "invalid_request",
		"urn:ietf:params:oauth:token-type:id_token":      "invalid_request",
		"urn:ietf:params:oauth:token-type:ACCESS_TOKEN":  "invalid_request",
	} {
		a := i.ask(t, "/oauth2/token", basic("api", "api-secret"), "grant_type="+oauth.GrantTokenExchange, "requested_token_type="+wanted,
			"subject_token="+subject, "subject_token_type="+tokenTypeAccess, "resource=https://orders.example.com", "audience=https://stock.example.com")
		if a["error"] != want || want == nil && a["issued_token_type"] != tokenTypeAccess {
			t.Errorf("%q: %v", wanted, a)
		}
		if access, ok := a["access_token"].(string); ok {
			if aud, _ := i.claims(t, access)["aud"].([]any); len(aud) != 2 {
				t.Errorf("aud %v, want the resource and the audience", aud)
			}
		}
	}
}
