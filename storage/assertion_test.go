package storage_test

import (
	"errors"
	"testing"

	"github.com/claimsmith/claimsmith/storage"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

func TestAnAssertionIsUsedOnce(t *testing.T) {
	onEach(t, func(t *testing.T, c sqldb.Config) {
		db := open(t, c)
		won := 0
		for _, err := range parallel(8, func(int) error { return db.UseAssertion(ctx, issuer, "a", at(5)) }) {
			switch {
			case err == nil:
				won++
			case !errors.Is(err, storage.ErrExists):
				t.Errorf("error is %v, want ErrExists", err)
			}
		}
		equal(t, "users", won, 1)
		must(t, db.UseAssertion(ctx, issuer+"/other", "a", at(5)))
		must(t, db.UseAssertion(ctx, issuer, "b", at(9)))

		n, err := db.PruneAssertions(ctx, at(6), 10)
		must(t, err)
		equal(t, "pruned", n, 2)
		wantError(t, "one that has not expired", db.UseAssertion(ctx, issuer, "b", at(9)), storage.ErrExists)
	})
}
