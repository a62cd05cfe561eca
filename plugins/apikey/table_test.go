package apikey

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

func onEachDatabase(t *testing.T, f func(t *testing.T, keys *Keys, r Record, text sdk.Secret)) {
	for _, kind := range []string{"sqlite", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			keys, r, text := withKey(t, kind)
			f(t, keys, r, text)
		})
	}
}

func offer(text sdk.Secret) sdk.Request {
	return sdk.Request{Credential: sdk.Credential{Kind: sdk.APIKey, Secret: text}}
}

func TestTheTableHoldsNoKey(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, keys *Keys, r Record, text sdk.Secret) {
		_, next, err := keys.Rotate(t.Context(), r.ID, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := keys.db.Maps(t.Context(), 10, `select * from api_keys`)
		if err != nil || len(rows) != 2 {
			t.Fatal(rows, err)
		}
		table := fmt.Sprint(rows)
		for _, key := range []sdk.Secret{text, next} {
			secret := key.Reveal()[len(prefix)+idSize:][:secretSize]
			parsed, _ := Parse(key.Reveal())
			if strings.Contains(table, secret) || !strings.Contains(table, parsed.hash()) {
				t.Error("the table holds a key's secret, or not its hash")
			}
		}
	})
}

// A key that is not there costs one search of an index, and one that cannot be
// there nothing.
func TestRefusalsReadNoTable(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, keys *Keys, _ Record, text sdk.Secret) {
		p := &Plugin{newTable(keys)}
		t.Cleanup(p.source.(*table).usage.close)
		_, absent := generate()
		for name, c := range map[string]struct {
			key        sdk.Secret
			statements int64
		}{
			"unknown id":      {absent, 1},
			"unknown foreign": {"of another system", 1},
			"mistyped":        {text[:10] + "~" + text[11:], 0},
		} {
			before := keys.db.Statements()
			if _, err := p.Authenticate(t.Context(), offer(c.key)); !errors.Is(err, sdk.ErrUnknown) {
				t.Errorf("%s: %v", name, err)
			}
			if n := keys.db.Statements() - before; n != c.statements {
				t.Errorf("%s: %d statements, want %d", name, n, c.statements)
			}
		}
		for _, where := range []string{ourKey, foreignKey} {
			if plan := plan(t, keys, `select `+columns+` from api_keys where `+strings.Replace(where, "?", "'x'", 1)); strings.Contains(strings.ToLower(plan), "scan api_keys") || strings.Contains(plan, "Seq Scan") {
				t.Errorf("%s reads the table:\n%s", where, plan)
			}
		}
	})
}

// plan returns how the database goes about a query.
func plan(t *testing.T, keys *Keys, query string) (text string) {
	t.Helper()
	err := keys.db.Tx(t.Context(), func(tx sqldb.Tx) error {
		if keys.db.Driver() == sqldb.SQLite {
			var step struct {
				ID, Parent, Notused int
				Detail              string
			}
			err := tx.Get(t.Context(), &step, `explain query plan `+query)
			text = step.Detail
			return err
		}
		// A table of one row is read whole unless that is made dear.
		if _, err := tx.Exec(t.Context(), `set local enable_seqscan = off`); err != nil {
			return err
		}
		return tx.Get(t.Context(), &text, `explain `+query)
	})
	if err != nil || text == "" {
		t.Fatal(text, err)
	}
	return text
}

func TestLastUsedIsWrittenOnceAMinute(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, keys *Keys, r Record, text sdk.Secret) {
		for ago, written := range map[time.Duration]bool{50 * time.Second: false, 70 * time.Second: true} {
			before := time.Now().Add(-ago).UnixMilli()
			if _, err := keys.db.Exec(t.Context(), `update api_keys set last_used = ?`, before); err != nil {
				t.Fatal(err)
			}
			kept := newTable(keys)
			p := &Plugin{kept}
			for range 10 {
				if _, err := p.Authenticate(t.Context(), offer(text)); err != nil {
					t.Fatal(err)
				}
			}
			kept.usage.close()
			now, err := keys.Get(t.Context(), r.ID)
			if err != nil || (now.LastUsed.UnixMilli() != before) != written {
				t.Errorf("last used %v ago: written is %t, want %t (%v)", ago, !written, written, err)
			}
		}
	})
}

// A busy replica does not go on remembering a key because it is busy.
func TestARevokedKeyIsRefusedByEveryReplica(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, keys *Keys, r Record, text sdk.Secret) {
		replicas := []*Plugin{{newTable(keys)}, {newTable(keys)}}
		for _, p := range replicas {
			t.Cleanup(p.source.(*table).usage.close)
			if _, err := p.Authenticate(t.Context(), offer(text)); err != nil {
				t.Fatal(err)
			}
		}
		if err := keys.Revoke(t.Context(), r.ID); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		for n, p := range replicas {
			for {
				_, err := p.Authenticate(t.Context(), offer(text))
				if denied, ok := errors.AsType[*sdk.DeniedError](err); ok && denied.Reason == sdk.Disabled {
					break
				}
				if err != nil || time.Since(begin) > 30*time.Second {
					t.Fatalf("replica %d: %v", n, err)
				}
			}
			t.Logf("replica %d refuses it %v after it was revoked", n, time.Since(begin).Round(time.Millisecond))
		}
	})
}

func TestARotatedKeyEndsAfterTheOverlap(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, keys *Keys, r Record, text sdk.Secret) {
		p := &Plugin{newTable(keys)}
		t.Cleanup(p.source.(*table).usage.close)
		_, next, err := keys.Rotate(t.Context(), r.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.Authenticate(t.Context(), offer(text))
		if denied, ok := errors.AsType[*sdk.DeniedError](err); !ok || denied.Reason != sdk.Expired {
			t.Errorf("the old key: %v, want expired", err)
		}
		if id, err := p.Authenticate(t.Context(), offer(next)); err != nil || id.Subject != r.Owner.Subject {
			t.Errorf("the new key: %+v, %v", id, err)
		}
	})
}
