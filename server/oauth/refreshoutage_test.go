package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server/oauth"
	"github.com/claimsmith/claimsmith/storage"
)

// mute is storage that hears and does everything, and at times cannot answer.
type mute struct {
	oauth.Sessions
	now bool
}

func (m *mute) RotateRefreshToken(ctx context.Context, issuer, hash string, next storage.RefreshToken, s storage.Session, now time.Time) error {
	err := m.Sessions.RotateRefreshToken(ctx, issuer, hash, next, s, now)
	return m.answer(ctx, err)
}

func (m *mute) RefreshToken(ctx context.Context, issuer, hash string) (storage.RefreshToken, storage.Session, error) {
	token, session, err := m.Sessions.RefreshToken(ctx, issuer, hash)
	return token, session, m.answer(ctx, err)
}

func (m *mute) answer(ctx context.Context, err error) error {
	if !m.now {
		return err
	}
	select {
	case <-ctx.Done():
	case <-time.After(time.Minute):
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err() // as storage does
	}
	return fmt.Errorf("%w: no answer", storage.ErrUnavailable)
}

// withMuteStorage calls test with an issuer and a refresh token that was spent while
// the answer to that was lost.
func withMuteStorage(t *testing.T, test func(t *testing.T, i *issuer, m *mute, token string)) {
	synctest.Test(t, func(t *testing.T) {
		m := new(mute)
		i := newIssuer(t, func(c *oauth.Config) {
			m.Sessions = c.Sessions
			c.Sessions = m
		})
		token := i.login(t, "scope=offline_access").Refresh
		i.people.refresh = func(id sdk.Identity) (sdk.Identity, error) {
			m.now = true
			return id, nil
		}
		if a := i.refresh(t, token); a.Status != 503 {
			t.Fatalf("without an answer of storage: %+v", a)
		}
		i.people.refresh = nil
		test(t, i, m, token)
	})
}

// Who was told to ask again has time to do so, at a replica too that knows of no
// outage.
func TestALostAnswerLeavesTimeToAskAgain(t *testing.T) {
	withMuteStorage(t, func(t *testing.T, i *issuer, m *mute, token string) {
		m.now = false
		other := newIssuer(t, func(c *oauth.Config) { c.Sessions, c.Signer, c.Clients = m, i.ring, i.Clients })
		time.Sleep(time.Second) // of Retry-After
		if a := other.refresh(t, token); a.Status != 200 {
			t.Errorf("at another replica: %+v", a)
		}
	})
}

func TestAnOutageUsesUpNoGracePeriod(t *testing.T) {
	withMuteStorage(t, func(t *testing.T, i *issuer, m *mute, token string) {
		for range 5 {
			if a := i.refresh(t, token); a.Status != 503 {
				t.Fatalf("during the outage: %+v", a)
			}
		}
		m.now = false
		next := i.refresh(t, token)
		if next.Status != 200 {
			t.Fatalf("after the outage: %+v", next)
		}
		if again := i.refresh(t, token); again.Refresh != next.Refresh {
			t.Errorf("at once after that: %+v", again)
		}
		time.Sleep(11 * time.Second)
		if late := i.refresh(t, token); late.Error != "invalid_grant" {
			t.Errorf("after the grace period: %+v", late)
		}
	})
}

// A caller who hangs up sooner than storage is given up is in the same outage.
func TestAnOutageOfImpatientCallersUsesUpNoGracePeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := new(mute)
		i := newIssuer(t, func(c *oauth.Config) {
			m.Sessions = c.Sessions
			c.Sessions = m
		})
		token := i.login(t, "scope=offline_access").Refresh
		i.people.refresh = func(id sdk.Identity) (sdk.Identity, error) {
			m.now = true
			return id, nil
		}
		for range 10 {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			i.sendUntil(ctx, "/oauth2/token", basic("portal", "portal-secret"), "grant_type=refresh_token", "refresh_token="+token)
			time.Sleep(time.Second)
		}
		m.now, i.people.refresh = false, nil
		if a := i.refresh(t, token); a.Status != 200 {
			t.Errorf("after the outage: %+v", a)
		}
	})
}

// Some callers get their answers meanwhile.
func TestAnOutageMayBeOfSomeCalls(t *testing.T) {
	withMuteStorage(t, func(t *testing.T, i *issuer, m *mute, token string) {
		m.now = false
		other := i.login(t, "scope=offline_access").Refresh
		for range 5 {
			m.now = true
			if a := i.refresh(t, token); a.Status != 503 {
				t.Fatalf("without an answer of storage: %+v", a)
			}
			m.now = false
			next := i.refresh(t, other)
			if next.Status != 200 {
				t.Fatalf("another session: %+v", next)
			}
			other = next.Refresh
		}
		if a := i.refresh(t, token); a.Status != 200 {
			t.Errorf("after the outage: %+v", a)
		}
	})
}

// An outage changes nothing for what was spent long before it, or after it.
func TestAnOutageProlongsNothingElse(t *testing.T) {
	withMuteStorage(t, func(t *testing.T, i *issuer, m *mute, token string) {
		m.now = false
		spent := i.refresh(t, token)
		if spent.Status != 200 {
			t.Fatal(spent)
		}
		after := i.refresh(t, spent.Refresh)
		time.Sleep(11 * time.Second)
		m.now = true
		i.refresh(t, token)
		time.Sleep(time.Hour)
		m.now = false
		if late := i.refresh(t, spent.Refresh); late.Error != "invalid_grant" {
			t.Errorf("spent before another outage: %+v", late)
		}
		if owner := i.refresh(t, after.Refresh); owner.Error != "invalid_grant" {
			t.Errorf("the session lives on: %+v", owner)
		}
	})
}
