package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/internal/servertest"
)

// introspect asks the issuer whether a token is active.
func (p *program) introspect(client, secret, token string) bool {
	p.t.Helper()
	form := url.Values{"token": {token}}
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.URL+"/oauth2/introspect", strings.NewReader(form.Encode()))
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
	var answer struct{ Active *bool }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.Active == nil {
		p.t.Fatalf("introspection answered %s, %v", resp.Status, err)
	}
	return *answer.Active
}

// Once a key is revoked, no replica calls its tokens active.
func TestARevokedKeysTokensAreRefusedOnEveryReplica(t *testing.T) {
	t.Parallel()
	listen := freeAddress(t)
	dir := newRotatingSite(t, listen, servertest.PostgreSQL(t), `
    clients:
      - {id: load, secret: {file: load.secret}, grants: [client_credentials]}
`)
	const secret = "the secret of the load"
	replicas := make([]*program, 3)
	var group sync.WaitGroup
	for i, address := range []string{listen, freeAddress(t), freeAddress(t)} {
		group.Go(func() { replicas[i] = start(t, dir, address) })
	}
	group.Wait()
	token := replicas[0].token("load", secret, "grant_type=client_credentials").AccessToken
	for i, p := range replicas {
		if !p.introspect("load", secret, token) {
			t.Errorf("replica %d does not call the token active before", i)
		}
	}
	claimsmith(t, dir, "keys", "revoke", kidOf(t, token), "--now", "--config", "claimsmith.yaml")
	revoked := time.Now()
	for i, p := range replicas {
		p.await("the token to be refused", func() bool { return !p.introspect("load", secret, token) })
		t.Logf("replica %d refuses it %s after the command", i, time.Since(revoked).Round(time.Millisecond))
	}
	for i, p := range replicas {
		fresh := p.token("load", secret, "grant_type=client_credentials").AccessToken
		if kidOf(t, fresh) == kidOf(t, token) {
			t.Errorf("replica %d signs with the revoked key", i)
		}
		if _, err := replicas[0].verify(fresh); err != nil {
			t.Errorf("a token of the successor by replica %d: %v", i, err)
		}
		if strings.Contains(getText(t, p.URL+"/.well-known/jwks.json"), kidOf(t, token)) {
			t.Errorf("replica %d publishes the revoked key", i)
		}
		if metrics := getText(t, p.Admin+"/metrics"); !strings.Contains(metrics, `claimsmith_key_changes_total{change="revoked",issuer="default"} 1`) {
			t.Errorf("replica %d does not count the revocation", i)
		}
	}
}

func TestKeyMetrics(t *testing.T) {
	t.Parallel()
	listen := freeAddress(t)
	dir := newRotatingSite(t, listen, "", `
    keys: {algorithms: [ES256, EdDSA]}
    clients:
      - {id: load, secret: {file: load.secret}, grants: [client_credentials], algorithm: EdDSA}
`)
	const secret = "the secret of the load"
	p := start(t, dir, listen)
	token := p.token("load", secret, "grant_type=client_credentials").AccessToken
	head, _, _ := strings.Cut(token, ".")
	for range 3 {
		p.introspect("load", secret, token)
		p.introspect("load", secret, strings.Replace(token, head, "eyJhbGciOiJFUzI1NiIsImtpZCI6Im1hZGUgdXAifQ", 1)) // kid: made up
	}
	metrics := getText(t, p.Admin+"/metrics")
	for _, want := range []string{
		`claimsmith_key_signatures_total{issuer="default",kid="` + kidOf(t, token) + `"} 1`,
		`claimsmith_key_verifications_total{issuer="default",kid="` + kidOf(t, token) + `",outcome="ok"} 3`,
		`claimsmith_key_verifications_total{issuer="default",kid="",outcome="unknown"} `,
		`claimsmith_key_age_seconds{algorithm="EdDSA",issuer="default",kid="` + kidOf(t, token) + `",state="active"}`,
		`claimsmith_key_next_event_timestamp_seconds{issuer="default"}`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	if strings.Contains(metrics, "made up") {
		t.Error("a caller's text is in a label")
	}
}

func getText(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
