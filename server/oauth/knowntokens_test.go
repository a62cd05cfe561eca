package oauth_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/claimsmith/claimsmith/jwks"
	"github.com/claimsmith/claimsmith/server/oauth"
	"github.com/claimsmith/claimsmith/storage"
)

// counted is a ring that counts the signatures it looks at.
type counted struct {
	*jwks.Ring
	verified *atomic.Int64
}

func (c counted) Verify(ctx context.Context, token string) (jwks.Verified, error) {
	c.verified.Add(1)
	return c.Ring.Verify(ctx, token)
}

// remembering is an issuer that remembers whatever it can, and how many
// signatures it has looked at.
func remembering(t testing.TB) (*issuer, *atomic.Int64) {
	verified := new(atomic.Int64)
	return newIssuer(t, cachedClients, func(c *oauth.Config) {
		c.Verifier = counted{c.Verifier.(*jwks.Ring), verified}
		c.Revocations = storage.NewRevocationCache(c.Sessions.(*storage.DB))
	}), verified
}

func TestATokenIsVerifiedOnceAndJudgedEachTime(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, i *issuer, access, refresh string){
		"it was revoked": func(t *testing.T, i *issuer, access, _ string) {
			if w := i.send("/oauth2/revoke", basic("portal", "portal-secret"), "token="+access); w.Code != http.StatusOK {
				t.Fatal(w.Body)
			}
		},
		"its session has ended": func(t *testing.T, i *issuer, _, refresh string) {
			if w := i.send("/oauth2/revoke", basic("portal", "portal-secret"), "token="+refresh); w.Code != http.StatusOK {
				t.Fatal(w.Body)
			}
		},
		"its key was revoked": func(t *testing.T, i *issuer, _, _ string) {
			if _, err := i.ring.Revoke(t.Context(), i.ring.Keys()[0].KID); err != nil {
				t.Fatal(err)
			}
		},
		"it has expired":               func(*testing.T, *issuer, string, string) { time.Sleep(10 * time.Minute) },
		"it has not, by half a minute": nil,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i, verified := remembering(t)
				a := i.login(t, "scope=read offline_access")
				for range 3 {
					if !i.active(t, a.Access) {
						t.Fatal("a token that lives is not active")
					}
				}
				if n := verified.Load(); n != 1 {
					t.Errorf("its signature was looked at %d times", n)
				}
				if end == nil {
					time.Sleep(9*time.Minute + 30*time.Second)
				} else {
					end(t, i, a.Access, a.Refresh)
				}
				if got := i.active(t, a.Access); got != (end == nil) {
					t.Errorf("active is %v", got)
				}
				if end != nil {
					return
				}
				i.db.Close()
				if w := i.send("/oauth2/introspect", basic("api", "api-secret"), "token="+a.Access); w.Code != http.StatusServiceUnavailable {
					t.Errorf("without storage: %d %s", w.Code, w.Body)
				}
			})
		})
	}
}

func TestRevokedIsAskedOnceForAVersion(t *testing.T) {
	i, _ := remembering(t)
	token := i.login(t).Access
	i.active(t, token)
	before := i.db.Statements()
	for range 10 {
		i.active(t, token)
	}
	if n := i.db.Statements() - before; n != 10 {
		t.Errorf("%d statements for 10 questions about a known token, want one each", n)
	}
}

func BenchmarkIntrospect(b *testing.B) {
	i, _ := remembering(b)
	body := "token=" + i.post(b, "grant_type=client_credentials").Access
	auth := basic("portal", "portal-secret")
	b.ReportAllocs()
	for b.Loop() {
		if w := i.send("/oauth2/introspect", auth, body); w.Code != http.StatusOK {
			b.Fatal(w.Body)
		}
	}
}
