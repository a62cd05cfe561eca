package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"github.com/claimsmith/claimsmith/internal/servertest"
	"github.com/claimsmith/claimsmith/server/oauth"
)

// verify checks a token as a relying service does, with nothing but what the
// issuer publishes, and returns its claims.
func (p *program) verify(token string) (jwt.MapClaims, error) {
	var metadata struct {
		Issuer string `json:"issuer"`
		JWKS   string `json:"jwks_uri"`
	}
	if err := getJSON(p.URL+"/.well-known/oauth-authorization-server", &metadata); err != nil {
		return nil, err
	}
	var keys jose.JSONWebKeySet
	if err := getJSON(metadata.JWKS, &keys); err != nil {
		return nil, err
	}
	claims := jwt.MapClaims{}
	_, err := jwt.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		if t.Header["typ"] != "at+jwt" {
			return nil, fmt.Errorf("typ %v", t.Header["typ"])
		}
		kid, _ := t.Header["kid"].(string)
		if found := keys.Key(kid); len(found) == 1 {
			return found[0].Key, nil
		}
		return nil, fmt.Errorf("kid %q is not in the JWKS", kid)
	}, jwt.WithValidMethods([]string{"ES256"}), jwt.WithIssuer(metadata.Issuer),
		jwt.WithAudience("https://api.example.com"), jwt.WithExpirationRequired(), jwt.WithStrictDecoding())
	return claims, err
}

func getJSON(url string, into any) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(into)
}

// everyGrant gets a token with each grant and verifies it.
func everyGrant(t *testing.T, p *program, secrets struct{ client, password, key string }) (refreshToken string) {
	t.Helper()
	login := p.token("portal", secrets.client, "grant_type=password", "username=alice", "password="+secrets.password, "scope=read offline_access")
	for _, tt := range []struct {
		grant string
		reply reply
	}{
		{"password", login},
		{"API key", p.token("portal", secrets.client, "grant_type="+oauth.GrantAPIKey, "api_key="+secrets.key)},
		{"client credentials", p.token("portal", secrets.client, "grant_type=client_credentials")},
	} {
		if tt.reply.Status != http.StatusOK {
			t.Fatalf("%s: %+v", tt.grant, tt.reply)
		}
		if _, err := p.verify(tt.reply.AccessToken); err != nil {
			t.Errorf("%s: verify: %v", tt.grant, err)
		}
	}
	refreshed := p.token("portal", secrets.client, "grant_type=refresh_token", "refresh_token="+login.RefreshToken)
	if _, err := p.verify(refreshed.AccessToken); err != nil {
		t.Errorf("refresh: %+v: verify: %v", refreshed, err)
	}
	return refreshed.RefreshToken
}

// databases are where storage can be.
func databases(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("SQLite", func(t *testing.T) { test(t, "") })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, servertest.PostgreSQL(t)) })
}

func TestEveryGrantOnBothDatabases(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, url string) {
		listen := freeAddress(t)
		dir := newSite(t, listen, url, "")
		secrets := populate(t, dir)
		p := start(t, dir, listen)
		everyGrant(t, p, secrets)
		p.stop()
		for _, secret := range []string{secrets.client, secrets.password, secrets.key} {
			if strings.Contains(p.log.String(), secret) {
				t.Error("a secret is in the log")
			}
		}
	})
}

func TestWrongAndUnknownAreOneAnswer(t *testing.T) {
	t.Parallel()
	listen := freeAddress(t)
	dir := newSite(t, listen, "", "")
	secrets := populate(t, dir)
	p := start(t, dir, listen)
	wrong := p.token("portal", secrets.client, "grant_type=password", "username=alice", "password=wrong")
	unknown := p.token("portal", secrets.client, "grant_type=password", "username=nobody", "password=wrong")
	if wrong != unknown || wrong.Error != "invalid_grant" {
		t.Errorf("wrong password: %+v; unknown person: %+v", wrong, unknown)
	}
	if long := p.token("portal", secrets.client, "grant_type=password", "username=alice", "password="+strings.Repeat("long", 2500)); long != wrong {
		t.Errorf("a password of 10 kB: %+v", long)
	}
	claimsmith(t, dir, "user", "disable", "alice", "--config", "claimsmith.yaml")
	disabled := p.token("portal", secrets.client, "grant_type=password", "username=alice", "password="+secrets.password)
	if disabled != wrong {
		t.Errorf("disabled person: %+v", disabled)
	}
}

func TestRotationWhileServing(t *testing.T) {
	t.Parallel()
	listen := freeAddress(t)
	dir := newSite(t, listen, "", "")
	secrets := populate(t, dir)
	p := start(t, dir, listen)
	kid := func(token string) string {
		parsed, _, err := jwt.NewParser().ParseUnverified(token, jwt.MapClaims{})
		if err != nil {
			t.Fatal(err)
		}
		return parsed.Header["kid"].(string)
	}
	ask := func() string { return p.token("portal", secrets.client, "grant_type=client_credentials").AccessToken }
	before := ask()
	successor := strings.Fields(claimsmith(t, dir, "keys", "rotate", "--now", "--config", "claimsmith.yaml"))[0]
	var after string
	p.await("a token of the new key", func() bool {
		after = ask()
		return kid(after) == successor
	})
	for name, token := range map[string]string{"before": before, "after": after} {
		if _, err := p.verify(token); err != nil {
			t.Errorf("a token from %s the rotation: %v", name, err)
		}
	}
}

func TestReplicasShareOnePostgreSQL(t *testing.T) {
	t.Parallel()
	listen := freeAddress(t)
	dir := newSite(t, listen, servertest.PostgreSQL(t), "")
	secrets := populate(t, dir)
	var replicas [3]*program
	var group sync.WaitGroup
	for i, address := range []string{listen, freeAddress(t), freeAddress(t)} {
		group.Go(func() { replicas[i] = start(t, dir, address) })
	}
	group.Wait()
	token := replicas[0].token("portal", secrets.client, "grant_type=password", "username=alice", "password="+secrets.password, "scope=offline_access").RefreshToken
	for i := range 6 {
		r := replicas[(i+1)%3].token("portal", secrets.client, "grant_type=refresh_token", "refresh_token="+token)
		if r.Status != http.StatusOK {
			t.Fatalf("refresh %d: %+v", i, r)
		}
		if _, err := replicas[0].verify(r.AccessToken); err != nil {
			t.Errorf("refresh %d: verify by the first replica's JWKS: %v", i, err)
		}
		token = r.RefreshToken
	}
	claimsmith(t, dir, "client", "update", "portal", "--disabled", "--config", "claimsmith.yaml")
	for i, p := range replicas {
		p.await("replica "+strconv.Itoa(i)+" to know the client as disabled", func() bool {
			return p.token("portal", secrets.client, "grant_type=client_credentials").Error == "invalid_client"
		})
	}
}

func TestAKilledServerLosesNothing(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, url string) {
		listen := freeAddress(t)
		dir := newSite(t, listen, url, "")
		secrets := populate(t, dir)
		p := start(t, dir, listen)
		refresh := everyGrant(t, p, secrets)
		old := p.token("portal", secrets.client, "grant_type=client_credentials").AccessToken
		for range 3 {
			p.kill()
			p = start(t, dir, listen)
			r := p.token("portal", secrets.client, "grant_type=refresh_token", "refresh_token="+refresh)
			if r.Status != http.StatusOK {
				t.Fatalf("refresh after kill -9: %+v", r)
			}
			refresh = r.RefreshToken
		}
		if _, err := p.verify(old); err != nil {
			t.Errorf("a token from before kill -9: %v", err)
		}
		everyGrant(t, p, secrets)
	})
}

func TestTerminationFinishesWhatIsInFlight(t *testing.T) {
	t.Parallel()
	listen := freeAddress(t)
	dir := newSite(t, listen, "", "")
	secrets := populate(t, dir)
	p := start(t, dir, listen)
	var served atomic.Int32
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for {
				r, err := p.tryToken(t.Context(), "portal", secrets.client, "grant_type=password", "username=alice", "password="+secrets.password)
				if err != nil {
					if !strings.Contains(err.Error(), "refused") && !strings.Contains(err.Error(), "reset") && !strings.Contains(err.Error(), "EOF") {
						t.Errorf("a request ended with %v", err)
					}
					return
				}
				if r.Status != http.StatusOK {
					t.Errorf("a login in flight: %+v", r)
				}
				served.Add(1)
			}
		})
	}
	p.await("logins", func() bool { return served.Load() > 16 })
	p.stop()
	group.Wait()
}

func TestACrashedPluginIsStartedAgain(t *testing.T) {
	t.Parallel()
	listen := freeAddress(t)
	dir := newSite(t, listen, "", "")
	secrets := populate(t, dir)
	p := start(t, dir, listen)
	login := func() reply {
		return p.token("portal", secrets.client, "grant_type=password", "username=alice", "password="+secrets.password)
	}
	if r := login(); r.Status != http.StatusOK {
		t.Fatalf("login: %+v", r)
	}
	pid := pluginPID(t, p, "people")
	process, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	process.Kill()
	p.await("the plugin's successor", func() bool {
		switch r := login(); {
		case r.Status == http.StatusOK:
			return pluginPID(t, p, "people") != pid
		case r.Status != http.StatusServiceUnavailable || r.Error != "temporarily_unavailable" || r.RetryAfter == "":
			t.Fatalf("while the plugin is down: %+v", r)
		}
		return false
	})
}

// pluginPID returns the process of a plugin, as the log told it last.
func pluginPID(t *testing.T, p *program, name string) int {
	t.Helper()
	pid := 0
	for line := range strings.Lines(p.log.String()) {
		var record struct {
			Message string `json:"msg"`
			Plugin  string `json:"plugin"`
			PID     int    `json:"pid"`
		}
		if json.Unmarshal([]byte(line), &record) == nil && record.Message == "plugin serves" && record.Plugin == name {
			pid = record.PID
		}
	}
	if pid == 0 {
		t.Fatalf("no process of plugin %s in the log:\n%s", name, p.log)
	}
	return pid
}

func TestBodiesAreBounded(t *testing.T) {
	t.Parallel()
	listen := freeAddress(t)
	dir := newSite(t, listen, "", "")
	p := start(t, dir, listen)
	body := io.MultiReader(strings.NewReader("grant_type=password&password="), bytes.NewReader(bytes.Repeat([]byte("a"), 64<<10)))
	resp, err := http.Post(p.URL+"/oauth2/token", "application/x-www-form-urlencoded", body)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"error":"invalid_request","error_description":"the body is larger than 64 KiB"}`
	if resp.StatusCode != http.StatusRequestEntityTooLarge || string(text) != want {
		t.Errorf("status %d, body %s", resp.StatusCode, text)
	}
}
