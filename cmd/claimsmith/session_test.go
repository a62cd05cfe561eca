package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/claimsmith/claimsmith/internal/servertest"
)

// post asks an OAuth endpoint as a client; parameters are NAME=VALUE.
func (p *program) post(path, client, secret string, parameters ...string) map[string]any {
	p.t.Helper()
	form := url.Values{}
	for _, parameter := range parameters {
		name, value, _ := strings.Cut(parameter, "=")
		form.Add(name, value)
	}
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(url.QueryEscape(client), url.QueryEscape(secret))
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer := map[string]any{}
	if resp.StatusCode != http.StatusOK || resp.ContentLength > 0 {
		if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
			p.t.Fatal(err)
		}
	}
	answer["status"] = resp.StatusCode
	return answer
}

func (p *program) active(client, secret, token string) bool {
	p.t.Helper()
	a := p.post("/oauth2/introspect", client, secret, "token="+token)
	active, ok := a["active"].(bool)
	if !ok {
		p.t.Fatalf("introspection: %v", a)
	}
	return active
}

func listSessions(t *testing.T, dir string, flags ...string) (views []sessionView) {
	t.Helper()
	out := claimsmith(t, dir, append([]string{"session", "list", "--config", "claimsmith.yaml", "--json"}, flags...)...)
	if err := json.Unmarshal([]byte(out), &views); err != nil {
		t.Fatal(err)
	}
	return views
}

// What is revoked at one server, or by an operator, is revoked at every other
// with the next request.
func TestRevocationCountsAtOnceEverywhere(t *testing.T) {
	t.Parallel()
	listen := freeAddress(t)
	dir := newSite(t, listen, servertest.PostgreSQL(t), "")
	secrets := populate(t, dir)
	var replicas [2]*program
	var group sync.WaitGroup
	for i, address := range []string{listen, freeAddress(t)} {
		group.Go(func() { replicas[i] = start(t, dir, address) })
	}
	group.Wait()
	here, there := replicas[0], replicas[1]
	login := func(scope string) reply {
		r := here.token("portal", secrets.client, "grant_type=password", "username=alice", "password="+secrets.password, "scope="+scope)
		if r.Status != http.StatusOK || !there.active("portal", secrets.client, r.AccessToken) {
			t.Fatalf("login: %+v", r)
		}
		return r
	}
	ends := func(what string, r reply) {
		t.Helper()
		if there.active("portal", secrets.client, r.AccessToken) {
			t.Errorf("%s: the access token is active", what)
		}
		if r.RefreshToken == "" {
			return
		}
		if a := there.token("portal", secrets.client, "grant_type=refresh_token", "refresh_token="+r.RefreshToken); a.Error != "invalid_grant" {
			t.Errorf("%s: refresh answers %+v", what, a)
		}
	}

	r := login("read")
	here.post("/oauth2/revoke", "portal", secrets.client, "token="+r.AccessToken)
	ends("revoked access token", r)

	r = login("read offline_access")
	here.post("/oauth2/revoke", "portal", secrets.client, "token="+r.RefreshToken)
	ends("revoked refresh token", r)

	r = login("read offline_access")
	live := listSessions(t, dir, "--live")
	if len(live) != 1 || live[0].Username != "alice" || live[0].Client != "portal" || live[0].State != "live" {
		t.Fatalf("live sessions: %+v", live)
	}
	claimsmith(t, dir, "session", "revoke", live[0].ID, "--config", "claimsmith.yaml")
	ends("session revoke ID", r)

	r = login("read offline_access")
	if n := len(listSessions(t, dir, "--person", "alice")); n != 3 {
		t.Errorf("%d sessions of alice, want 3", n)
	}
	if out := claimsmith(t, dir, "session", "revoke", "--person", "alice", "--config", "claimsmith.yaml"); out != "1 ended\n" {
		t.Errorf("session revoke --person: %q", out)
	}
	ends("session revoke --person", r)

	r = login("read offline_access")
	claimsmith(t, dir, "session", "revoke", "--client", "portal", "--config", "claimsmith.yaml")
	ends("session revoke --client", r)
	if live := listSessions(t, dir, "--live"); len(live) != 0 {
		t.Errorf("live sessions at the end: %+v", live)
	}
}
