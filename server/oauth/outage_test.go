package oauth_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/claimsmith/claimsmith/jwks"
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
