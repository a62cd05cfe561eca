package storage

import (
	"context"
	"fmt"

	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// Meta returns a value that belongs to storage as a whole, or ErrNotFound.
func (db *DB) Meta(ctx context.Context, name string) (string, error) {
	var value string
	if err := db.sql.Get(ctx, &value, `select value from meta where name = ?`, name); err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	return value, nil
}

// ReplaceMeta stores next in place of a value that is former. It returns ErrConflict
// if another is there.
func (db *DB) ReplaceMeta(ctx context.Context, name, former, next string) error {
	n, err := db.sql.Exec(ctx, `update meta set value = ? where name = ? and value = ?`, next, name, former)
	if err == nil && n == 0 {
		err = ErrConflict
	}
	if err != nil {
		return fmt.Errorf("set %s: %w", name, err)
	}
	return nil
}

// SetMetaOnce stores a value unless one is there, and returns the one that is there
// then. All replicas that call it get the same.
func (db *DB) SetMetaOnce(ctx context.Context, name, value string) (string, error) {
	err := db.sql.Tx(ctx, func(tx sqldb.Tx) error {
		if _, err := tx.Exec(ctx, `insert into meta (name, value) values (?, ?) on conflict do nothing`, name, value); err != nil {
			return err
		}
		return tx.Get(ctx, &value, `select value from meta where name = ?`, name)
	})
	if err != nil {
		return "", fmt.Errorf("set %s: %w", name, err)
	}
	return value, nil
}
