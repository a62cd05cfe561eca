package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"unicode/utf8"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Every error of this package that one of these fits wraps it. An error after the
// end of the context wraps what ctx.Err returns and nothing of the driver's.
var (
	// ErrNotFound is that Get found no row. It wraps sql.ErrNoRows.
	ErrNotFound error = notFound{}
	// ErrExists is that a row with the same key is there.
	ErrExists = errors.New("already exists")
	// ErrUnavailable is that the database cannot answer now: it is down, hangs, is
	// overloaded, full, read only or does not let us in. The same call may succeed later.
	ErrUnavailable = errors.New("database is unavailable")
	// ErrInvalid is that an argument is text that no database stores: it holds a NUL
	// or is not UTF-8. Get answers with this and ErrNotFound in one.
	ErrInvalid = errors.New("text holds a NUL or invalid UTF-8")
)

type notFound struct{}

func (notFound) Error() string { return "not found" }
func (notFound) Unwrap() error { return sql.ErrNoRows }

// meaning is what a driver's error says, whichever driver's it is.
type meaning int

const (
	other meaning = iota
	missing
	exists
	unavailable
	invalid
	busy // the statement or transaction was undone and may be tried again
)

// classify wraps an error of a driver in the sentinel that fits.
func classify(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	switch ctx.Err() {
	case nil:
	case context.DeadlineExceeded:
		return fmt.Errorf("%w: %w", ErrUnavailable, context.DeadlineExceeded)
	default:
		return ctx.Err()
	}
	if isClassified(err) {
		return err
	}
	switch meaningOf(err) {
	case missing:
		return ErrNotFound
	case exists:
		return fmt.Errorf("%w: %w", ErrExists, err)
	case unavailable, busy:
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	case invalid:
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return err
}

func isClassified(err error) bool {
	return errors.Is(err, ErrNotFound) || errors.Is(err, ErrExists) || errors.Is(err, ErrUnavailable) || errors.Is(err, ErrInvalid)
}

func meaningOf(err error) meaning {
	if errors.Is(err, sql.ErrNoRows) {
		return missing
	}
	if e, ok := errors.AsType[*pq.Error](err); ok {
		return meaningOfPostgres(string(e.Code))
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return meaningOfSQLite(e.Code())
	}
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return meaningOfMySQL(e.Number)
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return unavailable
	}
	for _, lost := range []error{
		driver.ErrBadConn, sql.ErrConnDone, mysql.ErrInvalidConn, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, context.DeadlineExceeded,
	} {
		if errors.Is(err, lost) {
			return unavailable
		}
	}
	return other
}

// meaningOfPostgres goes by SQLSTATE: PostgreSQL's documentation, appendix A.
func meaningOfPostgres(code string) meaning {
	switch code {
	case "23505":
		return exists
	case "40001", "40P01", "55P03":
		return busy
	case "22021", "22P05":
		return invalid
	case "25006", "57014", "57P01", "57P02", "57P03", "57P05", "3D000":
		return unavailable
	}
	for _, class := range []string{"08", "28", "53", "58"} { // connection, authorization, resources, system
		if strings.HasPrefix(code, class) {
			return unavailable
		}
	}
	return other
}

func meaningOfSQLite(code int) meaning {
	switch code {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
		return exists
	}
	switch code & 0xff { // the rest is detail
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return busy
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM,
		sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_PERM, sqlite3.SQLITE_INTERRUPT:
		return unavailable
	}
	return other
}

// meaningOfMySQL goes by the numbers of the MySQL server error reference.
func meaningOfMySQL(number uint16) meaning {
	switch number {
	case 1062, 1586:
		return exists
	case 1205, 1213:
		return busy
	case 1366:
		return invalid
	case 1021, 1037, 1038, 1040, 1041, 1044, 1045, 1049, 1053, 1152, 1158, 1159, 1160, 1161, 1203, 1226, 1290, 1317, 1792, 1836, 1969, 3024:
		return unavailable
	}
	return other
}

// checkText finds arguments that PostgreSQL would refuse as an error of the
// statement, and that the others would store and never find again.
func checkText(args []any) error {
	for _, arg := range args {
		if text, ok := arg.(string); ok && (strings.IndexByte(text, 0) >= 0 || !utf8.ValidString(text)) {
			return ErrInvalid
		}
	}
	return nil
}
