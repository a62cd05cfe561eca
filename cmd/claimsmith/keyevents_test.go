package main

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/internal/servertest"
	"github.com/claimsmith/claimsmith/storage"
)

// keyChanges returns what the events that are kept say of keys: by kid the
// changes, in the order of their time.
func keyChanges(t *testing.T, dir string) map[string][]string {
	t.Helper()
	var events []storage.Event
	text := claimsmith(t, dir, "events", "list", "--json", "--limit", "10000", "--config", "claimsmith.yaml")
	if err := json.Unmarshal([]byte(text), &events); err != nil {
		t.Fatal(err)
	}
	changes := map[string][]string{}
	order := []string{"announced", "imported", "advanced", "activated", "retired", "revoked", "rewrapped", "removed"} // of one moment
	slices.SortFunc(events, func(a, b storage.Event) int {
		return cmp.Or(a.Time.Compare(b.Time), slices.Index(order, a.Reason)-slices.Index(order, b.Reason))
	})
	for _, e := range events {
		if e.KID != "" {
			changes[e.KID] = append(changes[e.KID], e.Reason)
			if e.Outcome != "ok" || e.Route != "keys" || e.Issuer != "default" {
				t.Errorf("event %+v", e)
			}
		}
	}
	return changes
}

// However many replicas see a key change, there is one event of it.
func TestEachChangeOfAKeyIsOneEvent(t *testing.T) {
	t.Parallel()
	listen := freeAddress(t)
	dir := newRotatingSite(t, listen, servertest.PostgreSQL(t), `
    access_token: {lifetime: 100ms}
    keys: {rotate_every: 1s, announce: 500ms, jwks_max_age: 100ms, skew: 100ms, retain: 100ms}
`)
	change(t, dir, "master_keys:", "audit: {keep: 1d}\nmaster_keys:")
	replicas := make([]*program, 3)
	var group sync.WaitGroup
	for i, address := range []string{listen, freeAddress(t), freeAddress(t)} {
		group.Go(func() { replicas[i] = start(t, dir, address) })
	}
	group.Wait()
	var lives map[string][]string
	replicas[0].await("five keys to have lived", func() bool {
		lives = keyChanges(t, dir)
		n := 0
		for _, life := range lives {
			if slices.Contains(life, "removed") {
				n++
			}
		}
		return n >= 5
	})
	for _, p := range replicas {
		p.stop()
	}
	whole := []string{"announced", "activated", "retired", "removed"}
	for kid, life := range keyChanges(t, dir) {
		if !slices.Equal(life, whole[:min(len(life), len(whole))]) {
			t.Errorf("key %s: %q", kid, life)
		}
	}
}

// Commands work on storage, whether a server runs or not, and leave the events
// that a server would.
func TestCommandsOnKeysLeaveEvents(t *testing.T) {
	t.Parallel()
	dir := newRotatingSite(t, freeAddress(t), "", "")
	change(t, dir, "master_keys:", "audit: {file: events.jsonl, keep: 1d}\nmaster_keys:")
	run := func(args ...string) string {
		t.Helper()
		return claimsmith(t, dir, append(args, "--config", "claimsmith.yaml")...)
	}
	run("keys", "rotate")
	list := strings.Fields(strings.Split(run("keys", "list"), "\n")[1])
	run("keys", "revoke", list[0], "--now")
	imports := command(t, dir, "keys", "import-secret", "acme", "--config", "claimsmith.yaml")
	imports.Stdin = strings.NewReader(strings.Repeat("0123456789abcdef", 2))
	if out, err := imports.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run("keys", "rotate-secret", "acme", "--after", "24h")
	writeFile(t, dir, "new.key", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n")
	change(t, dir, "master_keys: [", "master_keys: [{id: new, key: {file: new.key}}, ")
	run("keys", "rewrap")

	var got []string
	for _, life := range keyChanges(t, dir) {
		got = append(got, strings.Join(life, " "))
	}
	want := []string{
		"announced activated revoked rewrapped", // the first key
		"announced advanced activated rewrapped",
		"announced rewrapped", // the secret that will sign
		"imported activated rewrapped",
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("events of keys: %q, want %q", got, want)
	}
	file := readFile(t, dir, "events.jsonl")
	if n := strings.Count(file, `"msg":"key changed"`); n != 13 {
		t.Errorf("%d lines in audit.file, want 13:\n%s", n, file)
	}
	if !strings.Contains(run("events", "list", "--key", list[0], "--since", time.Hour.String()), "revoked") {
		t.Error("no revocation among the events of the key")
	}
}
