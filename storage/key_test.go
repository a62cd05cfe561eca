package storage_test

import (
	"slices"
	"testing"

	"github.com/claimsmith/claimsmith/internal/servertest"
	"github.com/claimsmith/claimsmith/jwks"
	"github.com/claimsmith/claimsmith/jwks/jwkstest"
	"github.com/claimsmith/claimsmith/storage"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

func TestKeysAreAStore(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		jwkstest.TestStore(t, func(t *testing.T) jwks.Store { return open(t, sqliteConfig(t)) })
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		jwkstest.TestStore(t, func(t *testing.T) jwks.Store { return open(t, sqldb.Config{URL: servertest.PostgreSQL(t)}) })
	})
}

func TestKeysConflictIsStoragesToo(t *testing.T) {
	onEach(t, func(t *testing.T, c sqldb.Config) {
		err := open(t, c).UpdateKeys(ctx, issuer, 7, nil)
		wantError(t, "update", err, storage.ErrConflict)
		wantError(t, "update", err, jwks.ErrConflict)
	})
}

func TestKeySetsNamesEverySet(t *testing.T) {
	onEach(t, func(t *testing.T, c sqldb.Config) {
		db := open(t, c)
		for _, name := range []string{"b", "a", "a:secrets"} {
			if err := db.UpdateKeys(ctx, name, 0, nil); err != nil {
				t.Fatal(err)
			}
		}
		got, err := db.KeySets(ctx)
		if want := []string{"a", "a:secrets", "b"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("key sets: %v, %v, want %v", got, err, want)
		}
	})
}

func TestReplaceMetaReplacesWhatWasReadOnly(t *testing.T) {
	onEach(t, func(t *testing.T, c sqldb.Config) {
		db := open(t, c)
		if _, err := db.SetMetaOnce(ctx, "check", "one"); err != nil {
			t.Fatal(err)
		}
		wantError(t, "replace another value", db.ReplaceMeta(ctx, "check", "none", "two"), storage.ErrConflict)
		if err := db.ReplaceMeta(ctx, "check", "one", "two"); err != nil {
			t.Fatal(err)
		}
		if got, err := db.Meta(ctx, "check"); err != nil || got != "two" {
			t.Errorf("the value is %q, %v, want two", got, err)
		}
	})
}
