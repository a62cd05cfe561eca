package floor

import (
	"database/sql"
	"fmt"
	"net/url"

	_ "github.com/claimsmith/claimsmith/storage/sqldb" // the driver "postgres"
)

// connections is as many as the server's pool has.
const connections = 16

// openDatabase opens a PostgreSQL with nothing between it and database/sql.
func openDatabase(address string) (*sql.DB, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	q := u.Query()
	q.Set("binary_parameters", "yes") // one round trip for a statement, as the server does
	u.RawQuery = q.Encode()
	db, err := sql.Open("postgres", u.String())
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, db.Ping()
}
