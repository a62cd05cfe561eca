package apikey

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/internal/servertest"
	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// withKey returns the table of a new database and a key in it.
func withKey(t testing.TB, kind string) (*Keys, Record, sdk.Secret) {
	t.Helper()
	url := "sqlite:" + filepath.Join(t.TempDir(), "test.db")
	if kind == "postgres" {
		url = servertest.PostgreSQL(t)
	}
	keys, err := OpenKeys(t.Context(), sqldb.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keys.Close() })
	if err := keys.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, text, err := keys.Create(t.Context(), Record{Owner: Owner{Subject: "robot", Roles: []string{"reader"}}})
	if err != nil {
		t.Fatal(err)
	}
	return keys, r, text
}

func TestABusyKeyCostsNoStatements(t *testing.T) {
	keys, r, _ := withKey(t, "sqlite")
	c := newCache(keys)
	c.remember = time.Hour
	before := keys.db.Statements()
	for range 100 {
		if _, err := c.find(t.Context(), Key{ID: r.ID}); err != nil {
			t.Fatal(err)
		}
	}
	if n := keys.db.Statements() - before; n != 1 {
		t.Errorf("100 uses took %d statements, want 1", n)
	}
}

func TestRevocationIsSeenOnceARowIsForgotten(t *testing.T) {
	if remember >= time.Second {
		t.Errorf("rows are remembered for %v; a revoked key must be refused within a second", remember)
	}
	keys, r, text := withKey(t, "sqlite")
	kept := newTable(keys)
	t.Cleanup(kept.usage.close)
	kept.cache.remember = 0
	p := &Plugin{kept}
	ask := sdk.Request{Credential: sdk.Credential{Kind: sdk.APIKey, Secret: text}}
	if _, err := p.Authenticate(t.Context(), ask); err != nil {
		t.Fatal(err)
	}
	if err := keys.Revoke(t.Context(), r.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Authenticate(t.Context(), ask); err == nil {
		t.Error("a revoked key is let in")
	}
}

func TestUseBeyondTheBoundIsForgotten(t *testing.T) {
	keys, _, _ := withKey(t, "sqlite")
	u := newUsage(keys)
	for range maxPending + 100 {
		u.touch(&Record{ID: random(idSize)}, time.Now())
	}
	if len(u.pending) != maxPending {
		t.Errorf("%d keys wait to be written, want %d", len(u.pending), maxPending)
	}
	u.close()
	u.touch(&Record{ID: "late"}, time.Now())
	if len(u.pending) != 0 {
		t.Errorf("%d keys wait to be written after close", len(u.pending))
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	for _, kind := range []string{"sqlite", "postgres"} {
		keys, _, text := withKey(b, kind)
		ask := sdk.Request{Credential: sdk.Credential{Kind: sdk.APIKey, Secret: text}}
		for name, remember := range map[string]time.Duration{"remembered": remember, "read": 0} {
			kept := newTable(keys)
			kept.cache.remember = remember
			p := &Plugin{kept}
			b.Run(name+"/"+kind, func(b *testing.B) { benchmark(b, p, ask, "ok") })
			b.Run(name+"-parallel/"+kind, func(b *testing.B) {
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						p.Authenticate(context.Background(), ask)
					}
				})
			})
			kept.usage.close()
		}
		p := &Plugin{newTable(keys)}
		_, unknown := generate()
		ask.Credential.Secret = unknown
		b.Run("unknown/"+kind, func(b *testing.B) { benchmark(b, p, ask, "") })
		ask.Credential.Secret = unknown[:60] + "0000"
		b.Run("mistyped/"+kind, func(b *testing.B) { benchmark(b, p, ask, "") })
	}
}

func benchmark(b *testing.B, p *Plugin, ask sdk.Request, want string) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Authenticate(b.Context(), ask); (err == nil) != (want == "ok") {
			b.Fatal(err)
		}
	}
}
