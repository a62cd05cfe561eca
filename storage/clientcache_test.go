package storage_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/claimsmith/claimsmith/internal/servertest"
	"github.com/claimsmith/claimsmith/storage"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// cached runs a test on a cache over storage with the client a, by a clock of its own.
func cached(t *testing.T, test func(t *testing.T, db *storage.DB, cache *storage.ClientCache)) {
	c := sqliteConfig(t)
	synctest.Test(t, func(t *testing.T) {
		db := open(t, c)
		must(t, db.CreateClient(ctx, client("a")))
		test(t, db, storage.NewClientCache(db))
		must(t, db.Close())
	})
}

func name(t *testing.T, cache *storage.ClientCache) string {
	t.Helper()
	c, err := cache.Client(ctx, issuer, "a")
	must(t, err)
	return c.Name
}

func rename(t *testing.T, db *storage.DB, name string) {
	t.Helper()
	c := client("a")
	c.Name = name
	must(t, db.UpdateClient(ctx, c))
}

func TestCachedClientCostsNoStatement(t *testing.T) {
	cached(t, func(t *testing.T, db *storage.DB, cache *storage.ClientCache) {
		name(t, cache)
		_, err := cache.Client(ctx, issuer, "unknown")
		wantError(t, "unknown client", err, storage.ErrNotFound)
		before := db.Statements()
		for range 100 {
			equal(t, "name", name(t, cache), client("a").Name)
			_, err := cache.Client(ctx, issuer, "unknown")
			wantError(t, "unknown client", err, storage.ErrNotFound)
		}
		equal(t, "statements", db.Statements()-before, 0)
	})
}

func TestForgetShowsChangesAtOnce(t *testing.T) {
	cached(t, func(t *testing.T, db *storage.DB, cache *storage.ClientCache) {
		name(t, cache)
		_, err := cache.Client(ctx, issuer, "b")
		wantError(t, "before it is created", err, storage.ErrNotFound)
		rename(t, db, "renamed")
		must(t, db.CreateClient(ctx, client("b")))
		cache.Forget()
		equal(t, "name", name(t, cache), "renamed")
		_, err = cache.Client(ctx, issuer, "b")
		must(t, err)
		must(t, db.DeleteClient(ctx, issuer, "a"))
		cache.Forget()
		_, err = cache.Client(ctx, issuer, "a")
		wantError(t, "deleted client", err, storage.ErrNotFound)
	})
}

func TestCacheWithoutNewsIsStaleForAMinuteAtMost(t *testing.T) {
	cached(t, func(t *testing.T, db *storage.DB, cache *storage.ClientCache) {
		name(t, cache)
		rename(t, db, "renamed")
		time.Sleep(59 * time.Second)
		equal(t, "name", name(t, cache), client("a").Name)
		time.Sleep(time.Second)
		equal(t, "name", name(t, cache), "renamed")
	})
}

func TestCacheAnswersWhileStorageIsDown(t *testing.T) {
	cached(t, func(t *testing.T, db *storage.DB, cache *storage.ClientCache) {
		name(t, cache)
		must(t, db.Close())
		cache.Forget()
		time.Sleep(5*time.Minute - time.Second)
		equal(t, "name", name(t, cache), client("a").Name)
		time.Sleep(time.Second)
		_, err := cache.Client(ctx, issuer, "a")
		wantError(t, "after five minutes", err, storage.ErrUnavailable)
		_, err = cache.Client(ctx, issuer, "b")
		wantError(t, "a client never read", err, storage.ErrUnavailable)
	})
}

// A database that hangs is waited for less long than a request lives.
func TestCacheAnswersWhileStorageHangs(t *testing.T) {
	line := servertest.NewLine(t, servertest.PostgreSQL(t))
	db := open(t, sqldb.Config{URL: line.URL, MaxConns: 1})
	must(t, db.CreateClient(ctx, client("a")))
	cache := storage.NewClientCache(db)
	name(t, cache)
	cache.Forget()
	line.Freeze()
	defer line.Mend()
	request, cancel := context.WithTimeout(ctx, 8*time.Second)
	defer cancel()
	for range 20 {
		c, err := cache.Client(request, issuer, "a")
		must(t, err)
		must(t, request.Err())
		equal(t, "name", c.Name, client("a").Name)
	}
}
