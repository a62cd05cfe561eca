package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"syscall"
	"time"
)

// lock waits for and takes a lock of that name that excludes every other process on
// this database, and this one too.
func (d *DB) lock(ctx context.Context, name string) (unlock func(), err error) {
	switch {
	case d.driver == SQLite && d.path == "":
		return func() {}, nil // nobody else can see it, and it has one connection
	case d.driver == SQLite:
		return lockFile(ctx, d.path+".lock")
	default:
		return d.lockServer(ctx, name)
	}
}

// lockServer takes a lock that the server keeps for as long as a connection, or on
// PostgreSQL a transaction on it, lasts; a transaction because a pooler may give
// each one another connection. The connection is not of the pool, which may have
// but one.
func (d *DB) lockServer(ctx context.Context, name string) (unlock func(), err error) {
	db := sql.OpenDB(d.connector)
	defer func() {
		if err != nil {
			db.Close()
		}
	}()
	if d.driver == PostgreSQL {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return nil, err
		}
		if _, err := tx.ExecContext(ctx, "select pg_advisory_xact_lock($1)", lockKey(name)); err != nil {
			return nil, err
		}
		return func() { tx.Rollback(); db.Close() }, nil
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	var got sql.NullInt64
	for got.Int64 != 1 {
		// Names are the server's, not the database's.
		err := conn.QueryRowContext(ctx, "select get_lock(concat(database(), '.', ?), 1)", name).Scan(&got)
		if err != nil {
			return nil, err
		}
	}
	return func() { conn.Close(); db.Close() }, nil
}

// lockKey is the number under which PostgreSQL knows a lock in this database.
func lockKey(name string) int64 {
	h := fnv.New64a()
	h.Write([]byte("claimsmith " + name))
	return int64(h.Sum64())
}

// lockFile locks a file that it creates and leaves there: if it were removed, two
// processes could each lock a file of that name.
func lockFile(ctx context.Context, path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { file.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			file.Close()
			return nil, fmt.Errorf("%w: lock %s: %w", ErrUnavailable, path, err)
		}
		select {
		case <-ctx.Done():
			file.Close()
			return nil, ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}
