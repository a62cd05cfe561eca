package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/internal/servertest"
)

func TestStorageThatIsDownIsNobodysFault(t *testing.T) {
	t.Parallel()
	line := servertest.NewLine(t, servertest.PostgreSQL(t))
	listen := freeAddress(t)
	dir := newSite(t, listen, `"`+line.URL+`"`, "")
	secrets := populate(t, dir)
	p := start(t, dir, listen)
	login := func(parameters ...string) reply {
		return p.token("portal", secrets.client, append([]string{"grant_type=password", "username=alice", "password=" + secrets.password}, parameters...)...)
	}
	refresh := func(token string) reply {
		return p.token("portal", secrets.client, "grant_type=refresh_token", "refresh_token="+token)
	}
	token := login("scope=offline_access").RefreshToken

	line.Cut()
	for name, r := range map[string]reply{
		"password":              login(),
		"refresh token":         refresh(token),
		"a client not seen yet": p.token("stranger", "x", "grant_type=client_credentials"),
	} {
		if r.Status != http.StatusServiceUnavailable || r.Error != "temporarily_unavailable" || r.RetryAfter == "" {
			t.Errorf("%s, while storage is down: %+v", name, r)
		}
	}
	if r := p.token("portal", secrets.client, "grant_type=client_credentials"); r.Status != http.StatusOK {
		t.Errorf("client credentials need no storage, and while it is down: %+v", r)
	}
	if resp, err := http.Get(p.Admin + "/readyz"); err != nil || resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("readiness while storage is down: %v, %v", resp, err)
	}

	line.Mend()
	var r reply
	p.await("storage", func() bool {
		r = refresh(token)
		return r.Status == http.StatusOK
	})
	p.await("the users table", func() bool { return login().Status == http.StatusOK })
	if strings.Contains(p.log.String(), secrets.password) {
		t.Error("a password is in the log")
	}
}
