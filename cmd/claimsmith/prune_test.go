package main

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/storage"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// However much was left behind, nothing that is over stays.
func TestAllThatIsOverIsRemoved(t *testing.T) {
	db, err := storage.Open(t.Context(), sqldb.Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "storage.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for i := range 2*pruneLimit + 1 {
		if err := db.UseAssertion(t.Context(), "main", fmt.Sprint(i), now.Add(-time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	in := &instance{db: db, log: slog.New(slog.DiscardHandler)}
	in.pruneAll(t.Context(), now)
	if n, err := db.PruneAssertions(t.Context(), now, pruneLimit); err != nil || n > 0 {
		t.Errorf("%d used assertions were left, %v", n, err)
	}
}
