package oauth_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server/oauth"
)

func (i *issuer) refresh(t testing.TB, token string, parameters ...string) answer {
	t.Helper()
	return i.post(t, append([]string{"grant_type=refresh_token", "refresh_token=" + token}, parameters...)...)
}

func TestRefreshRotates(t *testing.T) {
	i := newIssuer(t)
	first := i.login(t, "scope=read write offline_access")
	second := i.refresh(t, first.Refresh)
	if second.Status != 200 || second.Refresh == "" || second.Refresh == first.Refresh {
		t.Fatalf("refresh: %+v", second)
	}
	a, b := i.claims(t, first.Access), i.claims(t, second.Access)
	if a["sid"] != b["sid"] || a["jti"] == b["jti"] {
		t.Errorf("session %v then %v, token %v then %v", a["sid"], b["sid"], a["jti"], b["jti"])
	}
	if third := i.refresh(t, second.Refresh); third.Status != 200 {
		t.Errorf("refresh with the successor: %+v", third)
	}
}

func TestRefreshNarrowsScopesForOneTokenOnly(t *testing.T) {
	i := newIssuer(t)
	first := i.login(t, "scope=read write offline_access")
	second := i.refresh(t, first.Refresh, "scope=read")
	if second.Scope != "read" {
		t.Errorf("scope %q", second.Scope)
	}
	third := i.refresh(t, second.Refresh)
	if third.Scope != "read write" {
		t.Errorf("scope %q: the session still has both", third.Scope)
	}
	if wide := i.refresh(t, third.Refresh, "scope=read admin"); wide.Error != "invalid_scope" {
		t.Errorf("a scope beyond the session: %+v", wide)
	}
	if again := i.refresh(t, third.Refresh); again.Status != 200 {
		t.Errorf("a refused request spent the refresh token: %+v", again)
	}
}

func TestHonestCallersWhoRaceHoldOneSession(t *testing.T) {
	i := newIssuer(t)
	first := i.login(t, "scope=offline_access")
	var group sync.WaitGroup
	answers := make([]answer, 16)
	for n := range answers {
		group.Go(func() { answers[n] = i.refresh(t, first.Refresh) })
	}
	group.Wait()
	for n, a := range answers {
		if a.Status != 200 || a.Refresh != answers[0].Refresh {
			t.Errorf("caller %d: status %d, error %q, the same successor: %v", n, a.Status, a.Error, a.Refresh == answers[0].Refresh)
		}
	}
}

func TestAReplayAfterTheSuccessorWasUsedEndsTheSession(t *testing.T) {
	i := newIssuer(t)
	first := i.login(t, "scope=offline_access")
	second := i.refresh(t, first.Refresh)
	third := i.refresh(t, second.Refresh)
	if stolen := i.refresh(t, first.Refresh); stolen.Error != "invalid_grant" {
		t.Errorf("replay: %+v", stolen)
	}
	if owner := i.refresh(t, third.Refresh); owner.Error != "invalid_grant" {
		t.Errorf("the session lives on after a replay: %+v", owner)
	}
}

func TestAReplayAfterTheGracePeriodEndsTheSession(t *testing.T) {
	i := newIssuer(t, func(c *oauth.Config) { c.RefreshGrace = -time.Second })
	first := i.login(t, "scope=offline_access")
	second := i.refresh(t, first.Refresh)
	if late := i.refresh(t, first.Refresh); late.Error != "invalid_grant" {
		t.Errorf("replay: %+v", late)
	}
	if owner := i.refresh(t, second.Refresh); owner.Error != "invalid_grant" {
		t.Errorf("the session lives on after a replay: %+v", owner)
	}
}

func TestRefreshAsksThePluginAgain(t *testing.T) {
	i := newIssuer(t)
	token := i.login(t, "scope=read offline_access").Refresh

	i.people.refresh = func(sdk.Identity) (sdk.Identity, error) {
		return sdk.Identity{}, sdk.Unavailable(errors.New("directory is down"))
	}
	if a := i.refresh(t, token); a.Status != 503 || a.Error != "temporarily_unavailable" {
		t.Errorf("during an outage: %+v", a)
	}
	i.people.refresh = nil
	a := i.refresh(t, token)
	if a.Status != 200 {
		t.Fatalf("after the outage: %+v", a)
	}
	i.people.refresh = func(sdk.Identity) (sdk.Identity, error) { return sdk.Identity{}, sdk.ErrUnknown }
	if gone := i.refresh(t, a.Refresh); gone.Error != "invalid_grant" {
		t.Errorf("a person who is gone: %+v", gone)
	}
	i.people.refresh = nil
	if back := i.refresh(t, a.Refresh); back.Error != "invalid_grant" {
		t.Errorf("the session of a person who was gone lives on: %+v", back)
	}
}

func TestARefreshTokenIsItsClientsAlone(t *testing.T) {
	i := newIssuer(t)
	token := i.login(t, "scope=offline_access").Refresh
	other := oauth.Request{Grant: oauth.GrantRefreshToken, RefreshToken: sdk.Secret(token)}
	other.Client.ID, other.Client.Method = "app", oauth.ClientNone
	client, err := i.db.Client(t.Context(), issuerName, "app")
	if err != nil {
		t.Fatal(err)
	}
	client.Grants = append(client.Grants, oauth.GrantRefreshToken)
	if err := i.db.UpdateClient(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	if _, err := i.Exchange(t.Context(), other); err == nil {
		t.Error("another client may use the refresh token")
	}
	if a := i.refresh(t, token); a.Status != 200 {
		t.Errorf("its own client: %+v", a)
	}
}

// storedHash is how storage knows a refresh token.
func storedHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
