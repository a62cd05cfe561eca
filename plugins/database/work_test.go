package database

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/plugins/database/password"
	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// work is what a login makes servers and processor do.
type work struct {
	Primary, Replica int64 // statements
	Hashes           int64
}

// workOf measures the work of a login that is refused.
func workOf(t *testing.T, p *Plugin, username, secret string, want error) work {
	t.Helper()
	measure := func() work {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		w := work{Primary: p.servers.primary.db.Statements(), Hashes: int64(m.TotalAlloc)}
		for _, replica := range p.servers.replicas {
			w.Replica += replica.db.Statements()
		}
		return w
	}
	before := measure()
	_, err := p.Authenticate(t.Context(), sdk.Request{Credential: sdk.Credential{Kind: sdk.Password, Username: username, Secret: sdk.Secret(secret)}})
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", username, err, want)
	}
	after := measure()
	return work{after.Primary - before.Primary, after.Replica - before.Replica, (after.Hashes - before.Hashes) / int64(password.Usual().Memory())}
}

func TestAnUnknownPersonTakesTheWorkOfAWrongPassword(t *testing.T) {
	const query = `select id as subject, password from users where username_key = :username`
	for name, c := range map[string]struct {
		config map[string]any
		want   work
	}{
		"users table":                 {map[string]any{}, work{Primary: 1, Hashes: 1}},
		"query":                       {map[string]any{"query": query}, work{Primary: 1, Hashes: 1}},
		"users table with replica":    {map[string]any{"max_lag": "1m", "lag": "select 0"}, work{Primary: 1, Replica: 1, Hashes: 1}},
		"query with a replica":        {map[string]any{"query": query, "max_lag": "1m", "lag": "select 0"}, work{Primary: 1, Replica: 1, Hashes: 1}},
		"users table that is renewed": {map[string]any{"rehash": true}, work{Primary: 1, Hashes: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			url := "sqlite:" + filepath.Join(t.TempDir(), "test.db")
			users, err := OpenUsers(t.Context(), sqldb.Config{URL: url})
			if err != nil {
				t.Fatal(err)
			}
			defer users.Close()
			if err := users.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := users.Add(t.Context(), User{Username: "alice"}, "wonderland"); err != nil {
				t.Fatal(err)
			}
			c.config["url"] = url
			if c.config["lag"] != nil {
				c.config["replicas"] = []string{url} // the same file is never behind
			}
			p := New()
			defer p.Close()
			configure(t, p, c.config)
			p.servers.stop() // those who watch make statements too
			p.servers.watchers.Wait()
			if diff := cmp.Diff(c.want, workOf(t, p, "alice", "wrong", sdk.ErrDenied)); diff != "" {
				t.Errorf("a wrong password (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.want, workOf(t, p, "nobody", "wrong", sdk.ErrUnknown)); diff != "" {
				t.Errorf("an unknown person (-want +got):\n%s", diff)
			}
		})
	}
}

// A hash leaves nothing behind, or several would gather until the collector runs.
func TestTheMemoryOfAHashIsFreed(t *testing.T) {
	p := New()
	defer p.Close()
	configure(t, p, map[string]any{"url": "sqlite:" + filepath.Join(t.TempDir(), "test.db")})
	for range 3 {
		workOf(t, p, "nobody", "wrong", sdk.ErrUnknown)
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		if m.HeapAlloc >= uint64(password.Usual().Memory()) {
			t.Errorf("%d bytes are still in use after a login", m.HeapAlloc)
		}
	}
}

func configure(t *testing.T, p *Plugin, config map[string]any) {
	t.Helper()
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Configure(t.Context(), text); err != nil {
		t.Fatal(err)
	}
}
