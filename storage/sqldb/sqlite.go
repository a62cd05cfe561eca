package sqldb

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/jmoiron/sqlx"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// sqlitePragmas hold for every connection. The wait for another process's lock is short
// because SQLite does not end it with the context; DB.retry waits on.
const sqlitePragmas = "_pragma=busy_timeout(250)&_pragma=foreign_keys(1)&_pragma=synchronous(NORMAL)"

// openSQLite opens a file with one connection that writes and several that read. The
// callers who want to write queue for that connection in order and each until its
// context ends, which SQLite's own lock would not give them.
func openSQLite(c Config) (*DB, error) {
	path, err := sqlitePath(c.URL)
	if err != nil {
		return nil, err
	}
	if path == "" {
		return openSQLiteMemory()
	}
	file := "file:" + strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path) + "?" + sqlitePragmas
	if c.ReadOnly {
		reads, err := openSQLiteReaders(file+"&mode=rw", c) // a reader needs to write the index of the log, but not to create the file
		return &DB{driver: SQLite, reads: reads, writes: reads, path: path}, err
	}
	if err := createPrivate(path); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	writes, err := sqlx.Open("sqlite", file+"&_txlock=immediate&_pragma=journal_mode(WAL)")
	if err != nil {
		return nil, err
	}
	writes.SetMaxOpenConns(1)
	reads, err := openSQLiteReaders(file, c)
	return &DB{driver: SQLite, reads: reads, writes: writes, path: path}, err
}

func openSQLiteReaders(file string, c Config) (*sqlx.DB, error) {
	reads, err := sqlx.Open("sqlite", file+"&_pragma=query_only(1)")
	if err != nil {
		return nil, err
	}
	readers := c.MaxConns
	if readers <= 0 {
		readers = defaultReaders
	}
	reads.SetMaxOpenConns(readers)
	reads.SetMaxIdleConns(readers)
	return reads, nil
}

// openSQLiteMemory opens a database that lives and dies with its only connection.
func openSQLiteMemory() (*DB, error) {
	db, err := sqlx.Open("sqlite", "file::memory:?"+sqlitePragmas+"&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	return &DB{driver: SQLite, reads: db, writes: db}, nil
}

// sqlitePath is the file of a sqlite: URL, absolute, or "" for :memory:.
func sqlitePath(url string) (string, error) {
	path := strings.TrimPrefix(url, "sqlite:")
	switch {
	case path == ":memory:":
		return "", nil
	case path == "":
		return "", errors.New("sqlite: has no path; write sqlite:PATH, or sqlite::memory: for none")
	case strings.HasPrefix(path, "//") && !strings.HasPrefix(path, "///"):
		return "", errors.New("sqlite:// names a host; write sqlite:PATH")
	case strings.Contains(path, "?"):
		return "", errors.New("sqlite: takes no options after the path")
	}
	return filepath.Abs(path)
}

// createPrivate makes a file and its directory that nobody else can read, unless they
// are there. SQLite gives the files beside it the same permissions.
func createPrivate(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return file.Close()
}
