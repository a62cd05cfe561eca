package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/internal/servertest"
	"github.com/claimsmith/claimsmith/storage"
)

func TestEventsAreWrittenAndKept(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, url string) {
		listen := freeAddress(t)
		dir := newSite(t, listen, url, "audit: {file: events.jsonl, keep: 90d}\n")
		secrets := populate(t, dir)
		p := start(t, dir, listen)
		login := func(password string) reply {
			return p.token("portal", secrets.client, "grant_type=password", "username=alice", "password="+password)
		}
		login(secrets.password)
		login("wrong")

		list := func(args ...string) (events []storage.Event) {
			t.Helper()
			text := claimsmith(t, dir, append([]string{"events", "list", "--json", "--config", "claimsmith.yaml"}, args...)...)
			if err := json.Unmarshal([]byte(text), &events); err != nil {
				t.Fatal(err)
			}
			return events
		}
		p.await("two events in storage", func() bool { return len(list("--client", "portal")) == 2 })
		var got []string
		for _, e := range list("--person", "alice", "--since", "1h") {
			got = append(got, e.Outcome+" "+e.Reason+" "+e.Plugin+" "+e.Remote)
			if e.RequestID == "" || e.Status == 0 || e.Duration == 0 || time.Since(e.Time) > time.Hour {
				t.Errorf("event %+v", e)
			}
		}
		if want := []string{"denied invalid people 127.0.0.1", "ok  people 127.0.0.1"}; !slices.Equal(got, want) {
			t.Errorf("events of alice: %q, want %q", got, want)
		}
		denied := list("--outcome", "denied")[0]
		if one := list("--request", denied.RequestID); len(one) != 1 || one[0] != denied || one[0].Error == "" {
			t.Errorf("events of request %s: %+v", denied.RequestID, one)
		}
		if n := len(list("--outcome", "ok", "--since", time.Now().Add(time.Hour).Format(time.RFC3339))); n != 0 {
			t.Errorf("%d events from the future", n)
		}
		if table := claimsmith(t, dir, "events", "list", "--config", "claimsmith.yaml"); !strings.HasPrefix(table, "TIME") || strings.Count(table, "\n") != 5 {
			t.Errorf("table:\n%s", table)
		}

		if err := os.Rename(filepath.Join(dir, "events.jsonl"), filepath.Join(dir, "old.jsonl")); err != nil {
			t.Fatal(err)
		}
		if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		p.await("a new file of events", func() bool {
			login(secrets.password)
			text, err := os.ReadFile(filepath.Join(dir, "events.jsonl"))
			return err == nil && strings.Contains(string(text), `"outcome":"ok"`)
		})
		old, err := os.ReadFile(filepath.Join(dir, "old.jsonl"))
		if err != nil || strings.Count(string(old), "\n") < 2 || strings.Contains(string(old)+p.log.String(), secrets.password) {
			t.Errorf("the file before: %v\n%s", err, old)
		}
		if strings.Contains(p.log.String(), `"outcome"`) {
			t.Error("events are in the log as well")
		}
	})
}

func TestLoginsNeedARequiredLog(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/dev/full"); err != nil {
		servertest.Missing(t, "no /dev/full here")
	}
	listen := freeAddress(t)
	dir := newSite(t, listen, "", "audit: {file: events, required: true}\n")
	secrets := populate(t, dir)
	events := filepath.Join(dir, "events")
	if err := os.Remove(events); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/full", events); err != nil {
		t.Fatal(err)
	}
	p := launch(t, dir, listen)
	p.await("an answer", func() bool {
		resp, err := http.Get(p.URL + "/.well-known/jwks.json")
		return err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	})
	for range 2 {
		r := p.token("portal", secrets.client, "grant_type=client_credentials")
		if r.Status != http.StatusServiceUnavailable || r.Error != "temporarily_unavailable" || r.AccessToken != "" || r.RetryAfter == "" {
			t.Errorf("a login without a log: %+v", r)
		}
	}
	if p.isReady() {
		t.Error("it says that it is ready")
	}
	if !strings.Contains(p.log.String(), "events cannot be written") {
		t.Errorf("its log says nothing of it:\n%s", p.log.String())
	}
	if err := os.Remove(events); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	p.await("that it is ready, without a login", p.isReady)
	if r := p.token("portal", secrets.client, "grant_type=client_credentials"); r.Status != http.StatusOK {
		t.Errorf("a login with a log: %+v", r)
	}
}
