package main

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/jwks"
	"github.com/claimsmith/claimsmith/storage"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// A rotation or revocation that is killed at any moment happened or did not:
// never are there two active keys of an algorithm, and never none.
func TestKillInTheMiddleOfARotation(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, url string) {
		dir := newRotatingSite(t, freeAddress(t), url, "\n    keys: {algorithms: [ES256, EdDSA]}\n")
		claimsmith(t, dir, "keys", "list", "--config", "claimsmith.yaml")
		if url == "" {
			url = "sqlite:" + dir + "/claimsmith.db"
		}
		db, err := storage.Open(t.Context(), sqldb.Config{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		kills := 8
		if long() {
			kills = 100
		}
		began := time.Now()
		active := oneActive(t, db)
		claimsmith(t, dir, "keys", "rotate", "--now", "--config", "claimsmith.yaml")
		takes, done := time.Since(began), 0
		for i := range kills {
			args := []string{"keys", "rotate", "--now"}
			if i%2 == 1 {
				args = []string{"keys", "revoke", active["ES256"], "--now"}
			}
			cmd := command(t, dir, append(args, "--config", "claimsmith.yaml")...)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(takes*3/4 + rand.N(takes/2)) // where it is then, only chance knows
			cmd.Process.Kill()
			cmd.Wait()
			now := oneActive(t, db)
			if now["ES256"] != active["ES256"] {
				done++
				takes = takes * 9 / 10 // so that the kills come close to the change
			} else {
				takes = takes * 10 / 9
			}
			active = now
		}
		t.Logf("%d kills, %d of them after the change", kills, done)
		claimsmith(t, dir, "keys", "rotate", "--now", "--config", "claimsmith.yaml")
		if after := oneActive(t, db); after["ES256"] == active["ES256"] {
			t.Error("a rotation after the kills made no key")
		}
	})
}

// oneActive returns the kid of the one active key of each algorithm.
func oneActive(t *testing.T, db *storage.DB) map[string]string {
	t.Helper()
	keys, _, err := db.Keys(context.WithoutCancel(t.Context()), "default")
	if err != nil {
		t.Fatal(err)
	}
	active, now := map[string]string{}, time.Now().Add(10*time.Millisecond) // of keys made in one instant the last is active a moment later
	for _, k := range keys {
		if k.State(now) != jwks.Active {
			continue
		}
		if active[k.Algorithm] != "" {
			t.Fatalf("two %s keys are active", k.Algorithm)
		}
		active[k.Algorithm] = k.KID
	}
	if len(active) != 2 {
		t.Fatalf("active keys: %v, want one of each algorithm", active)
	}
	return active
}
