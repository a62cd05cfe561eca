package sqldb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

var ownerName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,30}$`)

// Migrate runs those of the owner's migrations that the database has not seen, each in
// a transaction: files NUMBER_NAME.sql at the root of files, in goose's form. The
// table goose_OWNER holds which were run. It is done under a lock, so that several
// processes may call it at once.
func (d *DB) Migrate(ctx context.Context, owner string, files fs.FS) error {
	if !ownerName.MatchString(owner) {
		return fmt.Errorf("migrate: %q is not a name of a table", owner)
	}
	unlock, err := d.lock(ctx, "goose_"+owner)
	if err != nil {
		return fmt.Errorf("lock migrations: %w", d.explain(ctx, err))
	}
	defer unlock()
	dialects := map[Driver]database.Dialect{
		SQLite: database.DialectSQLite3, PostgreSQL: database.DialectPostgres, MySQL: database.DialectMySQL,
	}
	provider, err := goose.NewProvider(dialects[d.driver], d.writes.DB, files,
		goose.WithTableName("goose_"+owner), goose.WithDisableGlobalRegistry(true))
	if errors.Is(err, goose.ErrNoMigrations) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	return d.retry(ctx, func() error {
		if _, err := provider.Up(ctx); err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
		return nil
	})
}
