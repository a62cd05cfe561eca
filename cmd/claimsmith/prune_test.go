package main

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/storage"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// However much was left behind, nothing that is over stays; but what is over by this
// clock may not be by another replica's, which still goes by it.
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
		if err := db.UseAssertion(t.Context(), "main", fmt.Sprint(i), now.Add(-2*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	late := storage.Revocation{Issuer: "main", Kind: storage.KindJTI, Value: "late", Expires: now.Add(-time.Minute)}
	if err := errors.Join(db.UseAssertion(t.Context(), "main", "late", late.Expires), db.Revoke(t.Context(), late)); err != nil {
		t.Fatal(err)
	}
	in := &instance{db: db, log: slog.New(slog.DiscardHandler)}
	in.pruneAll(t.Context(), now)
	if err := db.UseAssertion(t.Context(), "main", "late", late.Expires); !errors.Is(err, storage.ErrExists) {
		t.Errorf("a second use of an assertion, by a clock that is a minute behind: %v", err)
	}
	if revoked, err := db.Revoked(t.Context(), "main", "late", ""); !revoked || err != nil {
		t.Errorf("a token was revoked, by a clock that is a minute behind: %t, %v", revoked, err)
	}
	if n, err := db.PruneAssertions(t.Context(), now, pruneLimit); err != nil || n != 1 {
		t.Errorf("%d used assertions were left, %v", n, err)
	}
}
