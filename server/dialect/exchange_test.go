package dialect_test

import (
	"encoding/json"
	"net/url"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server/dialect"
	"github.com/claimsmith/claimsmith/server/oauth"
)

// traderSite is newSite whose client may trade tokens.
func traderSite(t *testing.T, d *dialect.Dialect, algorithm string) *site {
	t.Helper()
	s := newSite(t, dialect.Config{Dialect: d, Algorithm: algorithm})
	client, err := s.db.Client(t.Context(), issuerName, "fleet")
	if err != nil {
		t.Fatal(err)
	}
	client.Grants, client.Exchange = append(client.Grants, oauth.GrantTokenExchange), []string{audience}
	if err := s.db.UpdateClient(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	return s
}

// exchange trades a token of a dialect for an access token.
func (s *site) exchange(t *testing.T, token string, more url.Values) (claims jwt.MapClaims, code string) {
	t.Helper()
	form := url.Values{
		"grant_type": {oauth.GrantTokenExchange}, "subject_token": {token},
		"subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"},
	}
	for name, values := range more {
		form[name] = values
	}
	var answer struct {
		Access string `json:"access_token"`
		Error  string `json:"error"`
	}
	text := s.oauth("/oauth2/token", "fleet", form)
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatal(text, err)
	}
	if answer.Access == "" {
		return nil, answer.Error
	}
	claims = jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(answer.Access, claims); err != nil {
		t.Fatal(err)
	}
	return claims, ""
}

// accessToken returns alice's token of the token endpoint.
func (s *site) accessToken(t *testing.T) string {
	t.Helper()
	var answer struct {
		Access sdk.Secret `json:"access_token"`
	}
	text := s.oauth("/oauth2/token", "fleet", url.Values{"grant_type": {"password"}, "username": {"alice"}, "password": {"wonderland"}})
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatal(err)
	}
	return answer.Access.Reveal()
}

// TestATradedTokenMayNoMore trades a token that came of a key for one scope: the
// dialect's token does not tell that, and gets none.
func TestATradedTokenMayNoMore(t *testing.T) {
	for _, name := range []string{"asset-infinity", "oisp", "servicemobility"} {
		s := traderSite(t, load(t, name), "RS256")
		s.people.accounts[0].Scopes = []string{"read"}
		token := s.login(t, name)
		claims, code := s.exchange(t, token, nil)
		if code != "" || claims["scope"] != nil || claims["sub"] != "u-alice-acme" {
			t.Errorf("%s: %v %s", name, claims, code)
		}
		if claims, code = s.exchange(t, token, url.Values{"scope": {"write"}}); code != "invalid_scope" {
			t.Errorf("%s: asked for write: %v %s", name, claims, code)
		}
	}
}

// TestATokenThatTellsItsScopesIsTradedWithThem adds the claim to a dialect.
func TestATokenThatTellsItsScopesIsTradedWithThem(t *testing.T) {
	s := traderSite(t, changed(t, "servicemobility", "    sub: ${identity.subject}\n", "    sub: ${identity.subject}\n    scope: ${token.scopes.join(' ')}\n"), "RS256")
	s.people.accounts[0].Scopes = []string{"read"}
	if claims, code := s.exchange(t, s.login(t, "servicemobility"), nil); claims["scope"] != "read" {
		t.Errorf("%v %s", claims, code)
	}
}

// TestATokenOfNobodyIsNotTraded holds the token endpoint to subjects: of these
// dialects' tokens only the name of the user is known, and two may share it.
func TestATokenOfNobodyIsNotTraded(t *testing.T) {
	for _, name := range []string{"crm-com", "woodwing"} {
		s := traderSite(t, load(t, name), "RS256")
		token := s.login(t, name)
		if claims, code := s.exchange(t, token, nil); code != "invalid_request" {
			t.Errorf("%s, as subject: %v %s", name, claims, code)
		}
		if claims, code := s.exchange(t, s.accessToken(t), url.Values{"actor_token": {token}, "actor_token_type": {"urn:ietf:params:oauth:token-type:access_token"}}); code != "invalid_request" {
			t.Errorf("%s, as actor: %v %s", name, claims, code)
		}
	}
}

// TestATokenByASecretIsNotTraded holds whoever has a dialect's secret, to verify
// its tokens, to those: what they can forge buys no access token.
func TestATokenByASecretIsNotTraded(t *testing.T) {
	for _, name := range []string{"asset-infinity", "servicemobility"} {
		s := traderSite(t, load(t, name), "")
		token := s.login(t, name)
		if claims, code := s.exchange(t, token, nil); code != "invalid_request" {
			t.Errorf("%s, as subject: %v %s", name, claims, code)
		}
		if claims, code := s.exchange(t, s.accessToken(t), url.Values{"actor_token": {token}, "actor_token_type": {"urn:ietf:params:oauth:token-type:access_token"}}); code != "invalid_request" {
			t.Errorf("%s, as actor: %v %s", name, claims, code)
		}
	}
}
