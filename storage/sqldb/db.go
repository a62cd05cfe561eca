package sqldb

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/jmoiron/sqlx"
)

// DB is an open database. It is safe for concurrent use.
type DB struct {
	driver     Driver
	reads      *sqlx.DB // the same as writes, except on a SQLite file
	writes     *sqlx.DB
	connector  driver.Connector // makes connections outside the pool; nil on SQLite
	listenDSN  string           // PostgreSQL: for LISTEN, with the password
	path       string           // SQLite: the file; "" in memory
	rebound    sync.Map         // statement with ? → statement as PostgreSQL wants it
	statements atomic.Int64
	closed     atomic.Bool
}

// Driver returns the kind of the database.
func (d *DB) Driver() Driver { return d.driver }

// Statements returns how many statements were begun since Open, those of
// transactions included and their begin and commit not.
func (d *DB) Statements() int64 { return d.statements.Load() }

// Ping asks the database for a sign of life.
func (d *DB) Ping(ctx context.Context) error {
	return d.retry(ctx, func() error {
		if err := d.writes.PingContext(ctx); err != nil || d.reads == d.writes {
			return err
		}
		return d.reads.PingContext(ctx)
	})
}

// Close closes all connections once their calls have ended. Calls after it return
// ErrUnavailable.
func (d *DB) Close() error {
	d.closed.Store(true)
	if d.reads == d.writes {
		return d.writes.Close()
	}
	// The last connection to close folds the write-ahead log into the file, which
	// a reader cannot.
	return errors.Join(d.reads.Close(), d.writes.Close())
}

// Get reads one row into dest: a pointer to a struct with db tags, or to one
// value. It returns ErrNotFound if there is none.
func (d *DB) Get(ctx context.Context, dest any, query string, args ...any) error {
	if err := checkText(args); err != nil {
		return fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	return d.retry(ctx, func() error {
		d.statements.Add(1)
		return d.poolFor(query).GetContext(ctx, dest, d.rebind(query), args...)
	})
}

// Select reads all rows into dest, a pointer to a slice, which it replaces.
func (d *DB) Select(ctx context.Context, dest any, query string, args ...any) error {
	if err := checkText(args); err != nil {
		return err
	}
	return d.retry(ctx, func() error {
		d.statements.Add(1)
		reflect.ValueOf(dest).Elem().SetZero()
		return d.poolFor(query).SelectContext(ctx, dest, d.rebind(query), args...)
	})
}

// Maps reads at most limit rows, each as a map from the column's name to its value:
// nil, bool, int64, float64, string, time.Time, or []byte where that is not text.
func (d *DB) Maps(ctx context.Context, limit int, query string, args ...any) (rows []map[string]any, err error) {
	if err := checkText(args); err != nil {
		return nil, err
	}
	err = d.retry(ctx, func() error {
		d.statements.Add(1)
		rows, err = readMaps(ctx, d.poolFor(query), limit, d.rebind(query), args)
		return err
	})
	return rows, err
}

// Exec runs a statement and returns how many rows it has inserted, deleted, or
// found to update.
func (d *DB) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	if err := checkText(args); err != nil {
		return 0, err
	}
	var rows int64
	err := d.retry(ctx, func() error {
		d.statements.Add(1)
		result, err := d.writes.ExecContext(ctx, d.rebind(query), args...)
		if err != nil {
			return err
		}
		rows, err = result.RowsAffected()
		return err
	})
	return rows, err
}

// poolFor is where a statement runs. What is not plainly a query goes to the writer,
// since an update can return rows too; the readers would refuse it.
func (d *DB) poolFor(query string) *sqlx.DB {
	if d.reads == d.writes {
		return d.writes
	}
	if text := strings.TrimLeft(query, " \t\r\n("); len(text) > 6 && strings.EqualFold(text[:6], "select") {
		return d.reads
	}
	return d.writes
}

// longestRebound bounds the statements that are remembered, in bytes. Longer ones are
// batches, each of another length: they would fill the memory, and take long anyway.
const longestRebound = 2 << 10

// rebind returns the statement with the database's own placeholders.
func (d *DB) rebind(query string) string {
	if d.driver != PostgreSQL {
		return query
	}
	if known, ok := d.rebound.Load(query); ok {
		return known.(string)
	}
	text := numberPlaceholders(query)
	if len(query) <= longestRebound {
		d.rebound.Store(query, text)
	}
	return text
}
