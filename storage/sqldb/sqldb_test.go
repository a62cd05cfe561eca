package sqldb_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/claimsmith/claimsmith/internal/servertest"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// onEach runs a test on a new database of each kind.
func onEach(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("SQLite", func(t *testing.T) { test(t, "sqlite:"+filepath.Join(t.TempDir(), "test.db")) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, servertest.PostgreSQL(t)) })
	t.Run("MariaDB", func(t *testing.T) { test(t, servertest.MariaDB(t)) })
}

func open(t testing.TB, c sqldb.Config) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// openPeople opens a database with a table of people in it.
func openPeople(t testing.TB, c sqldb.Config) *sqldb.DB {
	t.Helper()
	db := open(t, c)
	exec(t, db, "create table people (name varchar(100) primary key, age bigint not null)")
	return db
}

func exec(t testing.TB, db *sqldb.DB, query string, args ...any) int64 {
	t.Helper()
	n, err := db.Exec(t.Context(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestStatements(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		db := openPeople(t, sqldb.Config{URL: url})
		if n := exec(t, db, "insert into people (name, age) values (?, ?), (?, ?)", "ann", 30, "bob?'--", 40); n != 2 {
			t.Errorf("inserted %d rows, want 2", n)
		}
		if n := exec(t, db, "update people set age = 30 where name = ?", "ann"); n != 1 {
			t.Errorf("an update that changes nothing counts %d rows, want 1", n)
		}
		var person struct {
			Name string `db:"name"`
			Age  int    `db:"age"`
		}
		if err := db.Get(t.Context(), &person, "select name, age from people where name = ?", "bob?'--"); err != nil || person.Age != 40 {
			t.Errorf("got %+v, %v", person, err)
		}
		names := []string{"left over"}
		if err := db.Select(t.Context(), &names, "select name from people where name <> '?' order by name"); err != nil || !slices.Equal(names, []string{"ann", "bob?'--"}) {
			t.Errorf("got %q, %v", names, err)
		}
		rows, err := db.Maps(t.Context(), 1, "select name, age, null as note from people order by age")
		if want := fmt.Sprint([]map[string]any{{"name": "ann", "age": int64(30), "note": nil}}); err != nil || fmt.Sprint(rows) != want {
			t.Errorf("got %v, %v, want %v", rows, err, want)
		}
		if got := db.Statements(); got != 6 {
			t.Errorf("counted %d statements, want 6", got)
		}
	})
}

func TestErrorsSayWhatTheyAre(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		db := openPeople(t, sqldb.Config{URL: url})
		exec(t, db, "insert into people (name, age) values ('ann', 30)")
		var age int
		ended, cancel := context.WithCancel(t.Context())
		cancel()

		for _, test := range []struct {
			what string
			do   func() error
			want []error
		}{
			{"no row", func() error { return db.Get(t.Context(), &age, "select age from people where name = ?", "eve") },
				[]error{sqldb.ErrNotFound, sql.ErrNoRows}},
			{"NUL in a key", func() error { return db.Get(t.Context(), &age, "select age from people where name = ?", "a\x00") },
				[]error{sqldb.ErrNotFound, sqldb.ErrInvalid}},
			{"invalid UTF-8 in a value", func() error {
				_, err := db.Exec(t.Context(), "update people set name = ?", "\xff")
				return err
			}, []error{sqldb.ErrInvalid}},
			{"second row with a key", func() error {
				_, err := db.Exec(t.Context(), "insert into people (name, age) values ('ann', 31)")
				return err
			}, []error{sqldb.ErrExists}},
			{"second row in a transaction", func() error {
				return db.Tx(t.Context(), func(tx sqldb.Tx) error {
					_, err := tx.Exec(t.Context(), "insert into people (name, age) values ('ann', 31)")
					return fmt.Errorf("add ann: %w", err)
				})
			}, []error{sqldb.ErrExists}},
			{"cancelled", func() error { return db.Get(ended, &age, "select age from people") }, []error{context.Canceled}},
		} {
			err := test.do()
			for _, want := range test.want {
				if !errors.Is(err, want) {
					t.Errorf("%s: error is %v, want %v", test.what, err, want)
				}
			}
		}
		if err := db.Get(t.Context(), &age, "select age from nowhere"); err == nil || errors.Is(err, sqldb.ErrUnavailable) || errors.Is(err, sqldb.ErrNotFound) {
			t.Errorf("a wrong statement: error is %v, want none of the sentinels", err)
		}
		db.Close()
		if err := db.Get(t.Context(), &age, "select age from people"); !errors.Is(err, sqldb.ErrUnavailable) {
			t.Errorf("closed: error is %v, want ErrUnavailable", err)
		}
	})
}

func TestTransactionIsDoneWholeOrNotAtAll(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		db := openPeople(t, sqldb.Config{URL: url, MaxConns: 1})
		changed := errors.New("changed my mind")
		err := db.Tx(t.Context(), func(tx sqldb.Tx) error {
			if _, err := tx.Exec(t.Context(), "insert into people (name, age) values ('ann', 30)"); err != nil {
				return err
			}
			return changed
		})
		if !errors.Is(err, changed) {
			t.Errorf("error is %v, want that of the function", err)
		}
		var n int
		if err := db.Get(t.Context(), &n, "select count(*) from people"); err != nil || n != 0 {
			t.Errorf("%d people, %v, want none", n, err)
		}
	})
}

// The isolation in which PostgreSQL and MariaDB undo transactions that clash.
func TestTransactionsThatClashAreTriedAgain(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		isolate := map[sqldb.Driver]string{
			sqldb.PostgreSQL: "alter database %s set default_transaction_isolation = 'serializable'",
		}
		setup := open(t, sqldb.Config{URL: url})
		if statement := isolate[setup.Driver()]; statement != "" {
			name, _, _ := strings.Cut(url[strings.LastIndex(url, "/")+1:], "?")
			exec(t, setup, fmt.Sprintf(statement, name))
		}
		db := openPeople(t, sqldb.Config{URL: url})
		exec(t, db, "insert into people (name, age) values ('ann', 0)")
		parallel(t, 24, func(int) error {
			return db.Tx(t.Context(), func(tx sqldb.Tx) error {
				var age int
				lock := ""
				if db.Driver() == sqldb.MySQL {
					lock = " for update"
				}
				if err := tx.Get(t.Context(), &age, "select age from people where name = 'ann'"+lock); err != nil {
					return err
				}
				_, err := tx.Exec(t.Context(), "update people set age = ? where name = 'ann'", age+1)
				return err
			})
		})
		var age int
		if err := db.Get(t.Context(), &age, "select age from people"); err != nil || age != 24 {
			t.Errorf("age is %d, %v, want 24", age, err)
		}
	})
}

func TestManyCallersShareOneConnection(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		db := openPeople(t, sqldb.Config{URL: url, MaxConns: 1})
		parallel(t, 64, func(i int) error {
			name := fmt.Sprint("person ", i)
			err := db.Tx(t.Context(), func(tx sqldb.Tx) error {
				_, err := tx.Exec(t.Context(), "insert into people (name, age) values (?, ?)", name, i)
				return err
			})
			if err != nil {
				return err
			}
			var age int
			return db.Get(t.Context(), &age, "select age from people where name = ?", name)
		})
	})
}

func TestSixMigrateAtOnce(t *testing.T) {
	files := fstest.MapFS{
		"1_people.sql": {Data: []byte("-- +goose Up\ncreate table people (name varchar(100) primary key);\n")},
		"2_ann.sql":    {Data: []byte("-- +goose Up\ninsert into people (name) values ('ann');\n")},
	}
	onEach(t, func(t *testing.T, url string) {
		parallel(t, 6, func(int) error {
			db, err := sqldb.Open(t.Context(), sqldb.Config{URL: url, MaxConns: 1})
			if err != nil {
				return err
			}
			defer db.Close()
			return db.Migrate(t.Context(), "test", files)
		})
		var names []string
		if err := open(t, sqldb.Config{URL: url}).Select(t.Context(), &names, "select name from people"); err != nil || len(names) != 1 {
			t.Errorf("people are %q, %v, want ann alone", names, err)
		}
	})
}

func TestPasswordReplacesThatOfURLAndIsNotShown(t *testing.T) {
	for name, url := range map[string]func(testing.TB) string{"PostgreSQL": servertest.PostgreSQL, "MariaDB": servertest.MariaDB} {
		t.Run(name, func(t *testing.T) {
			right := url(t)
			scheme, rest, _ := strings.Cut(right, "://")
			login, host, _ := strings.Cut(rest, "@")
			user, password, _ := strings.Cut(login, ":")

			open(t, sqldb.Config{URL: scheme + "://" + user + ":wr0ng@" + host, Password: password})
			open(t, sqldb.Config{URL: scheme + "://" + user + "@" + host, Password: password})

			_, err := sqldb.Open(t.Context(), sqldb.Config{URL: right, Password: "wr0ng"})
			if !errors.Is(err, sqldb.ErrUnavailable) || strings.Contains(err.Error(), "wr0ng") {
				t.Errorf("error is %v, want ErrUnavailable without the password", err)
			}
		})
	}
}

func TestMalformedURLIsNotShown(t *testing.T) {
	for _, url := range []string{
		"postgres://me:s3cret/with@127.0.0.1/db", "postgres://me:s3cret%zz@127.0.0.1/db", "mysql://me:s3cret#x@127.0.0.1:1/db",
		"postgres://me@127.0.0.1/db?sslmode=s3cret", "postgres://me@127.0.0.1:s3cret/db", "mysql://me@127.0.0.1/db?timeout=%zzs3cret",
		"oracle://me:s3cret@host/db", "s3cret", "sqlite:", "sqlite://host/file", "sqlite:file?_pragma=s3cret", "postgres:s3cret",
	} {
		db, err := sqldb.Open(t.Context(), sqldb.Config{URL: url})
		if err == nil {
			db.Close()
			t.Errorf("%s: opened", url)
		} else if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("error shows the URL: %v", err)
		}
	}
}

func TestSQLiteFileIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "a ?#%.db")
	_, err := sqldb.Open(t.Context(), sqldb.Config{URL: "sqlite:" + path})
	if err == nil {
		t.Fatal("a path with a ? was opened")
	}
	path = filepath.Join(t.TempDir(), "data", "a #%41.db")
	openPeople(t, sqldb.Config{URL: "sqlite:" + path})
	for name, want := range map[string]os.FileMode{
		path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600, filepath.Dir(path): 0o700,
	} {
		info, err := os.Stat(name)
		if err != nil {
			t.Error(err)
		} else if info.Mode().Perm() != want {
			t.Errorf("%s has mode %o, want %o", name, info.Mode().Perm(), want)
		}
	}
}

func TestSQLiteInMemoryKeepsItsTables(t *testing.T) {
	db := openPeople(t, sqldb.Config{URL: "sqlite::memory:"})
	ctx, cancel := context.WithCancel(t.Context())
	err := db.Tx(ctx, func(tx sqldb.Tx) error {
		cancel()
		_, err := tx.Exec(ctx, "insert into people (name, age) values ('ann', 30)")
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want context.Canceled", err)
	}
	exec(t, db, "insert into people (name, age) values ('ann', 30)")
}

// Another process that writes has the file locked; the wait for it must end with
// the context.
func TestSQLiteWaitForOtherProcessEndsWithContext(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "test.db")
	db, other := openPeople(t, sqldb.Config{URL: url}), open(t, sqldb.Config{URL: url})
	err := other.Tx(t.Context(), func(sqldb.Tx) error {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := db.Exec(ctx, "insert into people (name, age) values ('ann', 30)")
		return err
	})
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, sqldb.ErrUnavailable) {
		t.Errorf("error is %v, want DeadlineExceeded and ErrUnavailable", err)
	}
	exec(t, db, "insert into people (name, age) values ('ann', 30)")
}

// parallel calls f n times at once and reports every error.
func parallel(t *testing.T, n int, f func(i int) error) {
	t.Helper()
	var all sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		all.Go(func() { errs[i] = f(i) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func TestACopyIsOnlyRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "copy.db")
	copied, err := sqldb.New(sqldb.Config{URL: "sqlite:" + path, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer copied.Close()
	if err := copied.Ping(t.Context()); !errors.Is(err, sqldb.ErrUnavailable) {
		t.Errorf("Ping of a file that is not there: %v, want ErrUnavailable", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file was created: %v", err)
	}
	original := open(t, sqldb.Config{URL: "sqlite:" + path})
	if _, err := original.Exec(t.Context(), "create table t (n bigint)"); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := copied.Get(t.Context(), &n, "select count(*) from t"); err != nil {
		t.Errorf("read the copy: %v", err)
	}
	if _, err := copied.Exec(t.Context(), "insert into t values (1)"); !errors.Is(err, sqldb.ErrUnavailable) {
		t.Errorf("write to the copy: %v, want ErrUnavailable", err)
	}
}
