package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/claimsmith/claimsmith/jwks"
	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server/oauth"
	"github.com/claimsmith/claimsmith/storage"
)

// forgetful is a ring whose store is down: it knows no key but says so only
// when it is asked to look.
type forgetful struct{ *jwks.Ring }

func (forgetful) Verify(context.Context, string) (jwks.Verified, error) {
	return jwks.Verified{}, fmt.Errorf("verify token: %w", jwks.ErrUnknownKey)
}
func (forgetful) Reload(context.Context) error {
	return fmt.Errorf("reload keys: %w", storage.ErrUnavailable)
}

func (i *issuer) get(path, authorization string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Authorization", authorization)
	w := httptest.NewRecorder()
	i.mux.ServeHTTP(w, r)
	return w
}

// An outage is no statement about a token: neither "not active" nor "revoked".
func TestAnOutageIsNeverAnAnswer(t *testing.T) {
	portal := basic("portal", "portal-secret")
	check := func(t *testing.T, i *issuer, access, refresh string) {
		t.Helper()
		answers := map[string]*httptest.ResponseRecorder{
			"introspect access token": i.send("/oauth2/introspect", portal, "token="+access),
			"userinfo":                i.get("/userinfo", "Bearer "+access),
			"revoke access token":     i.send("/oauth2/revoke", portal, "token="+access),
		}
		if refresh != "" {
			answers["introspect refresh token"] = i.send("/oauth2/introspect", portal, "token="+refresh)
			answers["revoke refresh token"] = i.send("/oauth2/revoke", portal, "token="+refresh)
			answers["refresh"] = i.send("/oauth2/token", portal, "grant_type=refresh_token", "refresh_token="+refresh)
		}
		for what, w := range answers {
			if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%s: status %d, header %v, body %s", what, w.Code, w.Header(), w.Body)
			}
		}
	}
	t.Run("storage", func(t *testing.T) {
		i := newIssuer(t, cachedClients)
		a := i.login(t, "scope=read offline_access")
		i.db.Close()
		check(t, i, a.Access, a.Refresh)
	})
	t.Run("keys", func(t *testing.T) {
		i := newIssuer(t, cachedClients, func(c *oauth.Config) { c.Verifier = forgetful{} })
		check(t, i, i.login(t).Access, "")
	})
	t.Run("tokens in other spellings", func(t *testing.T) {
		down := func(context.Context, string) (oauth.FoundToken, error) {
			return oauth.FoundToken{}, fmt.Errorf("read secrets: %w", storage.ErrUnavailable)
		}
		check(t, newIssuer(t, func(c *oauth.Config) { c.TokenFinders = []oauth.TokenFinder{down} }), "neither-this-nor-that", "")
	})
	t.Run("clients", func(t *testing.T) {
		i := newIssuer(t)
		a := i.login(t, "scope=offline_access")
		i.db.Close()
		check(t, i, a.Access, a.Refresh)
	})
}

// cachedClients lets the issuer remember its clients.
func cachedClients(c *oauth.Config) {
	c.Clients = storage.NewClientCache(c.Sessions.(*storage.DB))
}

// A plugin that is down judges nobody, by whichever grant it is asked. What the
// request itself lacks is told as ever.
func TestAPluginThatIsDownDeniesNobody(t *testing.T) {
	i := newIssuer(t)
	refresh := i.login(t, "scope=read offline_access").Refresh
	i.people.down = true
	i.people.refresh = func(sdk.Identity) (sdk.Identity, error) { return sdk.Identity{}, sdk.Unavailable(errors.New("down")) }
	for _, grant := range [][]string{
		{"grant_type=password", "username=alice", "password=wonderland"},
		{"grant_type=password", "username=alice", "password=wrong"},
		{"grant_type=password", "username=nobody", "password=wrong"},
		{"grant_type=" + oauth.GrantAPIKey, "api_key=good-key"},
		{"grant_type=" + oauth.GrantTokenExchange, "subject_token=good-key", "subject_token_type=urn:claimsmith:params:oauth:token-type:api-key"},
		{"grant_type=refresh_token", "refresh_token=" + refresh},
	} {
		if a := i.post(t, grant...); a.Status != http.StatusServiceUnavailable || a.Error != "temporarily_unavailable" {
			t.Errorf("%s: %+v", grant, a)
		}
		if a := i.post(t, append(grant, "resource=https://elsewhere.example.com")...); grant[0] != "grant_type=refresh_token" && a.Error != "invalid_target" {
			t.Errorf("%s for elsewhere: %+v", grant, a)
		}
	}
	i.people.down, i.people.refresh = false, nil
	if a := i.post(t, "grant_type=refresh_token", "refresh_token="+refresh); a.Status != http.StatusOK {
		t.Errorf("refresh after the outage: %+v", a)
	}
}

// Metadata is the one thing that a client needs before it can do anything, so it
// does not depend on storage.
func TestMetadataOutlivesStorage(t *testing.T) {
	i := newIssuer(t)
	i.db.Close()
	if m := i.describe(t, "/.well-known/oauth-authorization-server"); m.Issuer != issuerURL || m.Scopes != nil {
		t.Errorf("metadata %+v", m)
	}
}

// A caller who hangs up leaves no gap in what others read.
func TestMetadataOutlivesItsCaller(t *testing.T) {
	i := newIssuer(t)
	const path = "/.well-known/oauth-authorization-server"
	gone, hangUp := context.WithCancel(t.Context())
	hangUp()
	i.mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(gone, http.MethodGet, path, nil))
	if m := i.describe(t, path); len(m.Scopes) == 0 {
		t.Error("no scopes")
	}
}
