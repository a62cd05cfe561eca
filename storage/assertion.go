package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// UseAssertion remembers, until it expires, that an assertion was used, or returns
// ErrExists if it was before. Of several who use it at once one succeeds. The hash
// covers who made the assertion and what it calls itself.
func (db *DB) UseAssertion(ctx context.Context, issuer, hash string, expires time.Time) error {
	_, err := db.sql.Exec(ctx, `insert into assertions (issuer, hash, expires) values (?, ?, ?)`, issuer, hash, sqldb.Milliseconds(expires))
	if err != nil {
		return fmt.Errorf("use assertion: %w", err)
	}
	return nil
}

// PruneAssertions forgets at most limit assertions that have expired and returns how
// many.
func (db *DB) PruneAssertions(ctx context.Context, now time.Time, limit int) (int64, error) {
	n, err := db.sql.Exec(ctx, `
		delete from assertions where (issuer, hash) in (
			select issuer, hash from assertions where expires < ? order by expires limit ?)`,
		sqldb.Milliseconds(now), limit)
	if err != nil {
		return 0, fmt.Errorf("prune assertions: %w", err)
	}
	return n, nil
}
