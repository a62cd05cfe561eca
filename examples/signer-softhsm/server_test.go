package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/jwks/verify"
)

const audience = "https://api.example.com"

// server is the real server, whose keys the plugin holds.
type server struct {
	hsm
	t          *testing.T
	url, admin string
	verifier   *verify.Verifier
}

func startServer(t *testing.T, h hsm) *server {
	t.Helper()
	listen, admin := freeAddress(t), freeAddress(t)
	h.write(t, "master.key", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n")
	h.write(t, "client.secret", "the secret of the portal\n")
	h.write(t, "claimsmith.yaml", fmt.Sprintf(`
listen: %s
admin: %s
storage: {url: sqlite:claimsmith.db}
master_keys: [{id: test, key: {file: master.key}}]
plugins:
  hsm: {command: [./signer], insecure_unpinned: true, config: %s}
issuers:
  - url: http://%[1]s
    audience: [%[4]s]
    keys: {signer: hsm, algorithms: [ES256, RS256]}
    clients:
      - {id: portal, secret: {file: client.secret}, grants: [client_credentials]}
      - {id: legacy, secret: {file: client.secret}, grants: [client_credentials], algorithm: RS256}
`, listen, admin, h.config, audience))
	h.claimsmith(t, "config", "check", "--config", "claimsmith.yaml")
	s := &server{hsm: h, t: t, url: "http://" + listen, admin: "http://" + admin}
	var log buffer
	cmd := h.command("serve", "--config", "claimsmith.yaml")
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		if strings.Contains(log.String(), pin) {
			t.Error("the PIN is in the log")
		}
		if t.Failed() {
			t.Logf("log of the server:\n%s", &log)
		}
	})
	s.await("the server to be ready", func() bool {
		resp, err := http.Get(s.admin + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	var err error
	s.verifier, err = verify.New(verify.Config{Issuer: s.url, Audience: []string{audience}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *server) await(what string, ok func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("waiting for %s: 30 s have passed", what)
		}
	}
}

// token logs a client in. A token that comes is verified by the JWKS.
func (s *server) token(client string) (status int, kid string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+"/oauth2/token",
		strings.NewReader(url.Values{"grant_type": {"client_credentials"}}.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(client, url.QueryEscape("the secret of the portal"))
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return resp.StatusCode, ""
	}
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, s.verify(answer.AccessToken)
}

// verify waits for a token to be accepted: that may take a moment for one of a key
// that signs at once and was never announced.
func (s *server) verify(token string) (kid string) {
	s.t.Helper()
	s.await("a token to be accepted", func() bool {
		verified, err := s.verifier.Verify(s.t.Context(), token)
		if err != nil {
			s.t.Logf("not yet: %v", err)
			return false
		}
		kid = verified.KID
		return true
	})
	return kid
}

// The keys of a server are in a token: logins, a rotation, a plugin that is
// killed, and one that is replaced.
func TestAServerSignsThroughSoftHSM(t *testing.T) {
	s := startServer(t, newHSM(t))
	_, first := s.token("portal")
	if _, legacy := s.token("legacy"); legacy == first {
		t.Error("one key for two algorithms")
	}
	s.claimsmith(t, "keys", "rotate", "--now", "--config", "claimsmith.yaml")
	s.await("a token of the next key", func() bool { _, kid := s.token("portal"); return kid != first })

	pid := s.plugin().PID
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.await("a token of the next process", func() bool {
		status, _ := s.token("portal")
		if status != http.StatusOK && status != http.StatusServiceUnavailable {
			t.Fatalf("after the plugin was killed: %d", status)
		}
		return status == http.StatusOK && s.plugin().PID != pid
	})

	pid = s.plugin().PID
	s.claimsmith(t, "plugin", "upgrade", "hsm", "--config", "claimsmith.yaml")
	if status, _ := s.token("portal"); status != http.StatusOK || s.plugin().PID == pid {
		t.Errorf("after an upgrade: %d, by the process before: %v", status, s.plugin().PID == pid)
	}
}

type status struct {
	PID int `json:"pid"`
}

func (s *server) plugin() (of status) {
	s.t.Helper()
	var list []status
	out := s.claimsmith(s.t, "plugin", "list", "--json", "--config", "claimsmith.yaml")
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list) != 1 {
		s.t.Fatalf("plugins: %v\n%s", err, out)
	}
	return list[0]
}

// buffer is a log that is written and read at the same time.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
