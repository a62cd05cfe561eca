package storage_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/claimsmith/claimsmith/internal/servertest"
	"github.com/claimsmith/claimsmith/storage"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

func revocationOf(jti string) storage.Revocation {
	return storage.Revocation{Issuer: issuer, Kind: storage.KindJTI, Value: jti, Expires: at(5)}
}

// What another process has revoked counts from then on, whatever was kept and
// without a notification.
func TestRevocationCacheKnowsWhatOthersHaveRevoked(t *testing.T) {
	onEach(t, func(t *testing.T, c sqldb.Config) {
		here, there := open(t, c), open(t, c)
		must(t, there.CreateSession(ctx, session("s"), token("t")))
		cache := storage.NewRevocationCache(here)
		asked := func(jti, session string) bool {
			t.Helper()
			revoked, err := cache.Revoked(ctx, issuer, jti, session)
			must(t, err)
			return revoked
		}
		for i := range 50 {
			jti := fmt.Sprint("j", i)
			equal(t, "revoked before", asked(jti, "s"), false)
			must(t, there.Revoke(ctx, revocationOf(jti)))
			equal(t, "revoked", asked(jti, "s"), true)
		}
		equal(t, "another of the session", asked("j", "s"), false)
		must(t, there.EndSession(ctx, issuer, "s", "logged out", at(1)))
		equal(t, "another of the session that has ended", asked("j", "s"), true)
		equal(t, "another session", asked("j", "s2"), false)
		other, err := cache.Revoked(ctx, issuer+"/other", "j0", "s")
		must(t, err)
		equal(t, "at another issuer", other, false)

		equal(t, "revoked still", asked("j0", "s"), true)
		before := here.Statements()
		for range 10 {
			equal(t, "revoked still", asked("j0", "s"), true)
			equal(t, "not revoked still", asked("j", "s2"), false)
		}
		equal(t, "statements of 20 questions", here.Statements()-before, 20)
	})
}

// Revocations race with questions about the same tokens: nobody who asks after a
// revocation is told the contrary, not even once.
func TestRevocationCacheIsNeverBehind(t *testing.T) {
	onEach(t, func(t *testing.T, c sqldb.Config) {
		there := open(t, c)
		cache := storage.NewRevocationCache(open(t, c))
		var revoked, ended atomic.Int64 // tokens below this one are
		must(t, errors.Join(parallel(9, func(i int) error {
			if i == 0 {
				defer ended.Store(1)
				for n := range int64(100) {
					if err := there.Revoke(ctx, revocationOf(fmt.Sprint(n))); err != nil {
						return err
					}
					revoked.Store(n + 1)
				}
				return nil
			}
			for ended.Load() == 0 {
				n := revoked.Load()
				for _, of := range []int64{n - 1, n} {
					is, err := cache.Revoked(ctx, issuer, fmt.Sprint(of), "")
					if err != nil {
						return err
					}
					if of >= 0 && of < n && !is {
						return fmt.Errorf("token %d was revoked and is not", of)
					}
				}
			}
			return nil
		})...))
	})
}

func TestCallersShareAStatement(t *testing.T) {
	db := open(t, sqldb.Config{URL: servertest.PostgreSQL(t)})
	cache := storage.NewRevocationCache(db)
	_, err := cache.Revoked(ctx, issuer, "j", "s")
	must(t, err)
	before := db.Statements()
	must(t, errors.Join(parallel(64, func(int) error {
		for range 20 {
			if _, err := cache.Revoked(ctx, issuer, "j", "s"); err != nil {
				return err
			}
		}
		return nil
	})...))
	if n := db.Statements() - before; n > 64*20/4 {
		t.Errorf("%d statements for %d questions of 64 callers", n, 64*20)
	}
}

func TestRevocationCacheHasNoAnswerWithoutStorage(t *testing.T) {
	onEach(t, func(t *testing.T, c sqldb.Config) {
		db := open(t, c)
		cache := storage.NewRevocationCache(db)
		_, err := cache.Revoked(ctx, issuer, "j", "s")
		must(t, err)
		gone, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := cache.Revoked(gone, issuer, "j", "s"); err != nil {
			wantError(t, "a caller who has gone", err, context.Canceled)
		}
		_, err = cache.Revoked(ctx, issuer, "j", "s")
		must(t, err)
		must(t, db.Close())
		_, err = cache.Revoked(ctx, issuer, "j", "s")
		wantError(t, "what was known before", err, storage.ErrUnavailable)
	})
}
