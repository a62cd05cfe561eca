package sqldb

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
)

// Config says which database to open.
type Config struct {
	// URL is sqlite:PATH, sqlite::memory:, postgres://USER@HOST/NAME?OPTIONS or
	// mysql://USER@HOST:PORT/NAME?OPTIONS. PostgreSQL knows libpq's options; MySQL
	// those of go-sql-driver/mysql, and socket=PATH.
	URL string
	// Password replaces the one in the URL; "" leaves that.
	Password string
	// MaxConns is the greatest number of connections; 0 is 16. On SQLite it counts
	// the readers, next to which there is one writer; 0 is 4.
	MaxConns int
	// ReadOnly is for a copy that somebody else keeps. A SQLite file is then neither
	// created nor written; on a server the user's rights decide.
	ReadOnly bool
}

// Driver is a kind of database.
type Driver string

// The databases that Open knows.
const (
	SQLite     Driver = "sqlite"
	PostgreSQL Driver = "postgres"
	MySQL      Driver = "mysql"
)

const (
	defaultConns   = 16
	defaultReaders = 4
	connectTimeout = 5 * time.Second
	idleTime       = 5 * time.Minute
	lifetime       = 30 * time.Minute
)

// Open connects to a database and asks it for a sign of life. A SQLite file and its
// directory are created if they are missing, for us alone. No error that Open or
// the DB returns contains the password.
func Open(ctx context.Context, c Config) (*DB, error) {
	db, err := New(c)
	if err != nil {
		return nil, err
	}
	if err := db.Ping(ctx); err != nil {
		db.Close()
		return nil, fmt.Errorf("open %s database: %w", db.driver, err)
	}
	return db, nil
}

// New is Open without asking: the database may be down. An error wraps
// ErrUnavailable only if it is of a SQLite file.
func New(c Config) (*DB, error) {
	scheme, _, _ := strings.Cut(c.URL, ":")
	var db *DB
	var err error
	switch scheme {
	case "sqlite":
		db, err = openSQLite(c)
	case "postgres", "postgresql":
		db, err = openPostgres(c)
	case "mysql", "mariadb":
		db, err = openMySQL(c)
	default:
		err = errors.New("the URL begins with none of sqlite:, postgres:// and mysql://")
	}
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	return db, nil
}

// parseURL takes a server's URL and the password apart. Its error does not show the
// URL, of which a password that is not well encoded can be any part.
func parseURL(c Config) (*url.URL, string, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Opaque != "" {
		return nil, "", errors.New("the URL is malformed; is the password percent-encoded?")
	}
	password, _ := u.User.Password()
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, "", errors.New("the URL's options are malformed; are they percent-encoded?")
	}
	if query.Has("password") {
		password = query.Get("password")
		query.Del("password")
		u.RawQuery = query.Encode()
	}
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	if c.Password != "" {
		password = c.Password
	}
	return u, password, nil
}

// pool sets the bounds of a pool of connections to a server.
func pool(db *sqlx.DB, c Config) *sqlx.DB {
	conns := c.MaxConns
	if conns <= 0 {
		conns = defaultConns
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	db.SetConnMaxIdleTime(idleTime)
	db.SetConnMaxLifetime(lifetime)
	return db
}
