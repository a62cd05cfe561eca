package storage_test

import (
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
