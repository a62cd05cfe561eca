package oauth_test

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server/oauth"
	"github.com/claimsmith/claimsmith/storage"
)

// allow changes the policy of the client portal.
func (i *issuer) allow(t testing.TB, change func(*storage.ClientPolicy)) {
	t.Helper()
	client, err := i.db.Client(t.Context(), issuerName, "portal")
	if err != nil {
		t.Fatal(err)
	}
	change(&client.ClientPolicy)
	if err := i.db.UpdateClient(t.Context(), client); err != nil {
		t.Fatal(err)
	}
}

func TestRefreshDuringAnOutage(t *testing.T) {
	down := func(sdk.Identity) (sdk.Identity, error) {
		return sdk.Identity{}, sdk.Unavailable(errors.New("directory is down"))
	}
	for _, tt := range []struct {
		name   string
		policy time.Duration
		want   int
	}{
		{"strict", 0, http.StatusServiceUnavailable},
		{"within the grace period", time.Hour, http.StatusOK},
		{"after the grace period", -time.Second, http.StatusServiceUnavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i := newIssuer(t)
			i.allow(t, func(p *storage.ClientPolicy) { p.RefreshOutage = tt.policy })
			a := i.login(t, "scope=read offline_access")
			before, err := i.db.Session(t.Context(), issuerName, i.claims(t, a.Access)["sid"].(string))
			if err != nil {
				t.Fatal(err)
			}
			i.people.refresh = down
			b := i.refresh(t, a.Refresh)
			if b.Status != tt.want {
				t.Fatalf("refresh: %+v", b)
			}
			after, err := i.db.Session(t.Context(), issuerName, before.ID)
			if err != nil {
				t.Fatal(err)
			}
			if !after.Confirmed.Equal(before.Confirmed) {
				t.Error("an outage counts as a confirmation")
			}

			// Who is denied is denied under any policy.
			i.people.refresh = func(sdk.Identity) (sdk.Identity, error) { return sdk.Identity{}, sdk.Denied(sdk.Disabled) }
			token := a.Refresh
			if b.Refresh != "" {
				token = b.Refresh
			}
			if c := i.refresh(t, token); c.Error != "invalid_grant" {
				t.Errorf("disabled meanwhile: %+v", c)
			}
		})
	}
}

// What a plugin says of an identity counts until it said that it does.
func TestNoRefreshAfterTheIdentityIsOver(t *testing.T) {
	until := func(end time.Duration) func(sdk.Identity) (sdk.Identity, error) {
		return func(id sdk.Identity) (sdk.Identity, error) {
			id.Expires = time.Now().Add(end)
			return id, nil
		}
	}
	t.Run("at once", func(t *testing.T) {
		i := newIssuer(t)
		a := i.login(t, "scope=offline_access")
		i.people.refresh = until(-time.Minute)
		if b := i.refresh(t, a.Refresh); b.Error != "invalid_grant" || b.Access != "" {
			t.Errorf("refresh: %+v", b)
		}
		if i.active(t, a.Access) {
			t.Error("the session lives on")
		}
	})
	t.Run("while the plugin is down", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			i := newIssuer(t)
			i.allow(t, func(p *storage.ClientPolicy) { p.RefreshOutage = time.Hour })
			a := i.login(t, "scope=offline_access")
			i.people.refresh = until(5 * time.Second)
			b := i.refresh(t, a.Refresh)
			if b.Status != http.StatusOK || b.Expires > 5 {
				t.Fatalf("before: %+v", b)
			}
			time.Sleep(6 * time.Second)
			if replay := i.refresh(t, a.Refresh); replay.Error != "invalid_grant" {
				t.Errorf("a replay: %+v", replay)
			}
			i.people.refresh = func(sdk.Identity) (sdk.Identity, error) { return sdk.Identity{}, sdk.Unavailable(errors.New("down")) }
			if c := i.refresh(t, b.Refresh); c.Status != http.StatusServiceUnavailable {
				t.Errorf("in the outage: %+v", c)
			}
			i.people.refresh = until(time.Hour)
			if c := i.refresh(t, b.Refresh); c.Status != http.StatusOK {
				t.Errorf("prolonged meanwhile: %+v", c)
			}
		})
	})
}

// A token for nobody in particular would be for everybody. What the session was granted
// stays so: the operator may think better of it.
func TestNoRefreshIsForNoAudience(t *testing.T) {
	i := newIssuer(t)
	a := i.login(t, "scope=offline_access")
	for _, tt := range []struct {
		allowed []string
		want    int
	}{
		{[]string{"https://new.example.com"}, http.StatusBadRequest},
		{[]string{"https://new.example.com", audience}, http.StatusOK},
	} {
		client, err := i.db.Client(t.Context(), issuerName, "portal")
		if err != nil {
			t.Fatal(err)
		}
		client.Audience = tt.allowed
		if err := i.db.UpdateClient(t.Context(), client); err != nil {
			t.Fatal(err)
		}
		b := i.refresh(t, a.Refresh)
		if b.Status != tt.want || b.Status != http.StatusOK && b.Error != "invalid_grant" {
			t.Fatalf("a client that may ask for %v: %+v", tt.allowed, b)
		}
		if b.Access != "" && i.claims(t, b.Access)["aud"] != audience {
			t.Errorf("aud %v", i.claims(t, b.Access)["aud"])
		}
	}
}

// However long access tokens live, the end of their session is known as long.
func TestNoTokenOutlivesTheEndOfItsSession(t *testing.T) {
	const month = 30 * 24 * time.Hour
	for name, login := range map[string]func(t *testing.T, i *issuer) (access, refresh string){
		"with its token": func(t *testing.T, i *issuer) (string, string) {
			a := i.login(t, "scope=offline_access")
			return a.Access, a.Refresh
		},
		"after its token": func(t *testing.T, i *issuer) (string, string) {
			token, err := i.Exchange(t.Context(), oauth.Request{
				Grant: oauth.GrantPassword, Client: oauth.ClientCredential{ID: "portal", Method: oauth.ClientTrusted},
				Credential: sdk.Credential{Kind: sdk.Password, Username: "alice", Secret: "wonderland"},
			})
			if err != nil {
				t.Fatal(err)
			}
			refresh, err := i.StartSession(t.Context(), "portal", token)
			if err != nil {
				t.Fatal(err)
			}
			return token.Access, refresh
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer(t, func(c *oauth.Config) { c.AccessTokenLifetime, c.LongestLifetime = month, month })
				access, refresh := login(t, i)
				i.ask(t, "/oauth2/revoke", basic("portal", "portal-secret"), "token="+refresh)
				for range 30 {
					if i.active(t, access) {
						t.Fatal("the token of a session that has ended is active")
					}
					time.Sleep(24 * time.Hour)
					if _, err := i.db.PruneSessions(t.Context(), time.Now(), 1000); err != nil {
						t.Fatal(err)
					}
				}
			})
		})
	}
}

func TestARefreshConfirmsTheSession(t *testing.T) {
	i := newIssuer(t)
	a := i.login(t, "scope=offline_access")
	id := i.claims(t, a.Access)["sid"].(string)
	long := time.Now().Add(-time.Hour).Truncate(time.Millisecond).UTC()
	token, session, err := i.db.RefreshToken(t.Context(), issuerName, storedHash(a.Refresh))
	if err != nil {
		t.Fatal(err)
	}
	session.Confirmed = long
	next := storage.RefreshToken{Hash: storedHash("crt_next"), Created: token.Created, Expires: token.Expires}
	if err := i.db.RotateRefreshToken(t.Context(), issuerName, token.Hash, next, session, time.Now()); err != nil {
		t.Fatal(err)
	}
	if b := i.refresh(t, "crt_next"); b.Status != http.StatusOK {
		t.Fatalf("refresh: %+v", b)
	}
	if s, err := i.db.Session(t.Context(), issuerName, id); err != nil || !s.Confirmed.After(long) {
		t.Errorf("confirmed %s, error %v", s.Confirmed, err)
	}
}

func TestLifetimesOfAClientsSessions(t *testing.T) {
	i := newIssuer(t)
	i.allow(t, func(p *storage.ClientPolicy) { p.RefreshIdle, p.RefreshAbsolute = time.Minute, time.Hour })
	token, session, err := i.db.RefreshToken(t.Context(), issuerName, storedHash(i.login(t, "scope=offline_access").Refresh))
	if err != nil {
		t.Fatal(err)
	}
	if got := token.Expires.Sub(token.Created); got != time.Minute {
		t.Errorf("idle for %s", got)
	}
	if got := session.Expires.Sub(session.Created); got != time.Hour {
		t.Errorf("at most %s", got)
	}
}
