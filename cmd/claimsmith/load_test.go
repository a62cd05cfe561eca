package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/internal/servertest"
	"github.com/claimsmith/claimsmith/server/oauth"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// patience bounds a test of many callers: who deadlocks does not come back.
const patience = 2 * time.Minute

// change replaces text in the configuration of a site.
func change(t testing.TB, dir, old, replacement string) {
	t.Helper()
	file := filepath.Join(dir, "claimsmith.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		t.Fatalf("no %q in the configuration", old)
	}
	writeFile(t, dir, "claimsmith.yaml", strings.Replace(string(text), old, replacement, 1))
}

// ask asks until the answer is not that the server is busy, which is the only
// refusal that many callers may meet. It returns how often it was.
func (p *program) ask(ctx context.Context, client, secret string, parameters ...string) (r reply, busy int, err error) {
	for {
		r, err = p.tryToken(ctx, client, secret, parameters...)
		switch {
		case err != nil:
			return r, busy, err
		case r.Status == http.StatusOK:
			return r, busy, nil
		case r.Status != http.StatusServiceUnavailable || r.RetryAfter == "":
			return r, busy, fmt.Errorf("%+v", r)
		}
		busy++
		select {
		case <-ctx.Done():
			return r, busy, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// sessions logs in n times, several at once, and returns the refresh tokens.
func (p *program) sessions(ctx context.Context, n int, client, secret, key string) []string {
	p.t.Helper()
	tokens := make([]string, n)
	together(p.t, n, func(i int) error {
		r, _, err := p.ask(ctx, client, secret, "grant_type="+oauth.GrantAPIKey, "api_key="+key, "scope=read offline_access")
		tokens[i] = r.RefreshToken
		return err
	})
	return tokens
}

// together runs call n times at once and reports the errors.
func together(t testing.TB, n int, call func(i int) error) {
	t.Helper()
	var group sync.WaitGroup
	var failed atomic.Int32
	for i := range n {
		group.Go(func() {
			if err := call(i); err != nil && failed.Add(1) < 4 {
				t.Errorf("caller %d: %v", i, err)
			}
		})
	}
	group.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// keyOf creates an API key that may have every scope.
func keyOf(t testing.TB, dir string) string {
	return field(t, claimsmith(t, dir, "apikey", "create", "--config", "claimsmith.yaml", "--owner", "robot"), "api_key")
}

func TestCallersOutnumberConnections(t *testing.T) {
	for _, connections := range []int{1, 16} {
		for _, n := range []int{64, 512} {
			t.Run(fmt.Sprintf("%d callers on %d connections", n, connections), func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				listen := freeAddress(t)
				dir := newSite(t, listen, servertest.PostgreSQL(t), "")
				secrets := populate(t, dir)
				key := keyOf(t, dir)
				change(t, dir, "storage:\n", fmt.Sprintf("storage:\n  max_connections: %d\n", connections))
				p := start(t, dir, listen)
				tokens := p.sessions(ctx, n, "portal", secrets.client, key)
				var busy atomic.Int64
				for range 2 {
					together(t, n, func(i int) error {
						r, refused, err := p.ask(ctx, "portal", secrets.client, "grant_type=refresh_token", "refresh_token="+tokens[i])
						tokens[i] = r.RefreshToken
						busy.Add(int64(refused))
						return err
					})
				}
				t.Logf("%d times the server was busy", busy.Load())
			})
		}
	}
}

// TestRacingRefreshesLoseNoSession has four callers share each session, on
// databases that undo transactions of those who race.
func TestRacingRefreshesLoseNoSession(t *testing.T) {
	t.Parallel()
	const sessions, each, generations = 16, 4, 4
	databases(t, func(t *testing.T, url string) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if url != "" {
			url += "&default_transaction_isolation=serializable"
		}
		listen := freeAddress(t)
		dir := newSite(t, listen, url, "")
		secrets := populate(t, dir)
		key := keyOf(t, dir)
		p := start(t, dir, listen)
		tokens := p.sessions(ctx, sessions, "portal", secrets.client, key)
		for range generations {
			var got [sessions][each]string
			together(t, sessions*each, func(i int) error {
				r, _, err := p.ask(ctx, "portal", secrets.client, "grant_type=refresh_token", "refresh_token="+tokens[i/each])
				got[i/each][i%each] = r.RefreshToken
				return err
			})
			for i, of := range got {
				tokens[i] = of[0]
				for _, token := range of {
					if token != of[0] {
						t.Fatalf("session %d has two live refresh tokens", i)
					}
				}
			}
		}
	})
}

// TestPasswordsBeyondTheCoresAreRefused has far more logins at once than hashes
// can be computed: some are let in, the rest are told to come again, and a grant
// that hashes nothing goes on. The throttle, which has one wait for the other, is off.
func TestPasswordsBeyondTheCoresAreRefused(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	listen := freeAddress(t)
	dir := newSite(t, listen, "", "throttle: {off: true}\n")
	secrets := populate(t, dir)
	change(t, dir, "people: {use: database}", "people: {use: database, config: {queue: 8}}")
	p := start(t, dir, listen)

	var in, refused atomic.Int64
	finished := make(chan struct{})
	var others sync.WaitGroup
	others.Go(func() {
		for asked := 0; ; asked++ {
			select {
			case <-finished:
				t.Logf("%d logins, %d refused, %d tokens of another grant meanwhile", in.Load(), refused.Load(), asked)
				return
			default:
			}
			if r, err := p.tryToken(ctx, "portal", secrets.client, "grant_type=client_credentials"); err != nil || r.Status != http.StatusOK {
				t.Errorf("another grant meanwhile: %+v, %v", r, err)
				return
			}
		}
	})
	together(t, 64, func(int) error {
		r, err := p.tryToken(ctx, "portal", secrets.client, "grant_type=password", "username=alice", "password="+secrets.password)
		switch {
		case err != nil:
			return err
		case r.Status == http.StatusOK:
			in.Add(1)
		case r.Status == http.StatusServiceUnavailable && r.RetryAfter != "":
			refused.Add(1)
		default:
			return fmt.Errorf("%+v", r)
		}
		return nil
	})
	close(finished)
	others.Wait()
	if in.Load() == 0 || refused.Load() == 0 {
		t.Errorf("of 64 logins at once %d were let in and %d refused", in.Load(), refused.Load())
	}
}

// TestALockedDatabaseHoldsNobodyForEver has the database hang in the middle of
// refreshes: callers get an answer, and nobody loses a session.
func TestALockedDatabaseHoldsNobodyForEver(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	listen := freeAddress(t)
	database := servertest.PostgreSQL(t)
	dir := newSite(t, listen, database, "")
	secrets := populate(t, dir)
	key := keyOf(t, dir)
	p := start(t, dir, listen)
	tokens := p.sessions(ctx, 64, "portal", secrets.client, key)

	db, err := sqldb.Open(ctx, sqldb.Config{URL: database})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Tx(ctx, func(tx sqldb.Tx) error {
		if _, err := tx.Exec(ctx, `lock table sessions in access exclusive mode`); err != nil {
			return err
		}
		together(t, len(tokens), func(i int) error {
			r, err := p.tryToken(ctx, "portal", secrets.client, "grant_type=refresh_token", "refresh_token="+tokens[i])
			if err == nil && (r.Status != http.StatusServiceUnavailable || r.RetryAfter == "") {
				err = fmt.Errorf("while the database hangs: %+v", r)
			}
			return err
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	together(t, len(tokens), func(i int) error {
		_, _, err := p.ask(ctx, "portal", secrets.client, "grant_type=refresh_token", "refresh_token="+tokens[i])
		return err
	})
}
