package sqldb

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"time"

	"github.com/jmoiron/sqlx"
)

// Tx is a running transaction. Its methods are those of DB.
type Tx struct {
	db *DB
	tx *sqlx.Tx
}

// Tx runs f in a transaction and commits it if f returns nil; any error of f, or a
// panic, undoes it. When the database undoes it because of others (a serialization
// failure, a deadlock, a lock held by another process), f is called again, for some
// seconds at most, so f must have no effect but those on the transaction.
func (d *DB) Tx(ctx context.Context, f func(Tx) error) error {
	return d.retry(ctx, func() error {
		tx, err := d.writes.BeginTxx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback() // does nothing after a commit
		if err := f(Tx{d, tx}); err != nil {
			return err
		}
		return tx.Commit()
	})
}

// Get is DB.Get in the transaction.
func (t Tx) Get(ctx context.Context, dest any, query string, args ...any) error {
	if err := checkText(args); err != nil {
		return fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	t.db.statements.Add(1)
	return classify(ctx, t.tx.GetContext(ctx, dest, t.db.rebind(query), args...))
}

// Select is DB.Select in the transaction.
func (t Tx) Select(ctx context.Context, dest any, query string, args ...any) error {
	if err := checkText(args); err != nil {
		return err
	}
	t.db.statements.Add(1)
	reflect.ValueOf(dest).Elem().SetZero()
	return classify(ctx, t.tx.SelectContext(ctx, dest, t.db.rebind(query), args...))
}

// Maps is DB.Maps in the transaction.
func (t Tx) Maps(ctx context.Context, limit int, query string, args ...any) ([]map[string]any, error) {
	if err := checkText(args); err != nil {
		return nil, err
	}
	t.db.statements.Add(1)
	rows, err := readMaps(ctx, t.tx, limit, t.db.rebind(query), args)
	return rows, classify(ctx, err)
}

// Exec is DB.Exec in the transaction.
func (t Tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	if err := checkText(args); err != nil {
		return 0, err
	}
	t.db.statements.Add(1)
	result, err := t.tx.ExecContext(ctx, t.db.rebind(query), args...)
	if err != nil {
		return 0, classify(ctx, err)
	}
	return result.RowsAffected()
}

const (
	retryFor   = 5 * time.Second
	firstPause = time.Millisecond
	lastPause  = 100 * time.Millisecond
)

// retry calls f until its error is not that of a clash with others, and classifies
// that error. It gives up when the context ends or retryFor is over.
func (d *DB) retry(ctx context.Context, f func() error) error {
	if d.closed.Load() {
		return fmt.Errorf("%w: it is closed", ErrUnavailable)
	}
	start := time.Now()
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := f()
		if err == nil {
			return nil
		}
		if meaningOf(err) != busy || ctx.Err() != nil || time.Since(start) > retryFor {
			return d.explain(ctx, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause)): // those who clashed must not meet again
		}
	}
}

func (d *DB) explain(ctx context.Context, err error) error {
	err = classify(ctx, err)
	if d.closed.Load() && !isClassified(err) && !errors.Is(err, ctx.Err()) {
		return fmt.Errorf("%w: it is closed", ErrUnavailable)
	}
	return err
}
