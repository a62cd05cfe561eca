package storage

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// What the errors of this package wrap.
var (
	ErrNotFound    = sqldb.ErrNotFound    // there is no such record
	ErrExists      = sqldb.ErrExists      // there is one already
	ErrUnavailable = sqldb.ErrUnavailable // the database cannot answer now
	ErrInvalid     = sqldb.ErrInvalid     // a text that cannot be stored
	// ErrConflict is that the record was changed by another since it was read.
	ErrConflict = errors.New("changed by another meanwhile")
)

// DB is storage, open. It is safe for concurrent use.
type DB struct {
	sql *sqldb.DB
}

//go:embed migrations
var migrations embed.FS

// Open opens the database, which must be SQLite or PostgreSQL, and leaves its tables
// as they are.
func Open(ctx context.Context, c sqldb.Config) (*DB, error) {
	db, err := sqldb.Open(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("open storage: %w", err)
	}
	if driver := db.Driver(); driver != sqldb.SQLite && driver != sqldb.PostgreSQL {
		db.Close()
		return nil, fmt.Errorf("open storage: it is kept in SQLite or PostgreSQL, not in %s", driver)
	}
	return &DB{db}, nil
}

// Migrate brings the tables to the form that this version of the program works with.
// Any number of processes may do it at once.
func (db *DB) Migrate(ctx context.Context) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	return db.sql.Migrate(ctx, "storage", files)
}

// Close closes storage; calls after it return ErrUnavailable.
func (db *DB) Close() error { return db.sql.Close() }

// Ping returns whether storage answers.
func (db *DB) Ping(ctx context.Context) error { return db.sql.Ping(ctx) }

// Statements returns how many SQL statements were run since Open, without the begin
// and commit of transactions.
func (db *DB) Statements() int64 { return db.sql.Statements() }

// encode is a list as a column holds it.
func encode[T any](list []T) (string, error) {
	if len(list) == 0 {
		return "[]", nil
	}
	text, err := json.Marshal(list)
	return string(text), err
}

// decode reads the list of a column; an empty one is nil.
func decode[T any](text string, list *[]T) error {
	if text == "[]" {
		return nil
	}
	return json.Unmarshal([]byte(text), list)
}
