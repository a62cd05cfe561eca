package sqldb_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/internal/servertest"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

func TestHungServerIsBoundedByContext(t *testing.T) {
	for name, server := range map[string]func(testing.TB) string{"PostgreSQL": servertest.PostgreSQL, "MariaDB": servertest.MariaDB} {
		t.Run(name, func(t *testing.T) {
			line := servertest.NewLine(t, server(t))
			db := openPeople(t, sqldb.Config{URL: line.URL, MaxConns: 1})
			var n int
			query := func(ctx context.Context) error {
				return db.Get(ctx, &n, "select count(*) from people where age > ?", 1)
			}
			for what, call := range map[string]func(ctx context.Context) error{
				"query":  query,
				"update": func(ctx context.Context) error { _, err := db.Exec(ctx, "update people set age = ?", 1); return err },
				"ping":   db.Ping,
				"commit": func(ctx context.Context) error {
					return db.Tx(ctx, func(tx sqldb.Tx) error {
						_, err := tx.Exec(ctx, "update people set age = ?", 1)
						line.Freeze()
						return err
					})
				},
			} {
				t.Run(what, func(t *testing.T) {
					if err := query(t.Context()); err != nil {
						t.Fatal(err)
					}
					if what != "commit" {
						line.Freeze()
					}
					ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
					defer cancel()
					start := time.Now()
					if err := call(ctx); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, sqldb.ErrUnavailable) {
						t.Errorf("error is %v, want DeadlineExceeded and ErrUnavailable", err)
					}
					if took := time.Since(start); took > 4*time.Second {
						t.Errorf("the call took %v with a context of 100 ms", took)
					}
					line.Mend()
					if err := query(t.Context()); err != nil {
						t.Errorf("afterwards: %v", err)
					}
				})
			}
		})
	}
}

func TestServerThatDoesNotGreetIsBoundedByContext(t *testing.T) {
	line := servertest.NewLine(t, servertest.PostgreSQL(t))
	line.Freeze()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := sqldb.Open(ctx, sqldb.Config{URL: line.URL}); !errors.Is(err, sqldb.ErrUnavailable) {
		t.Errorf("error is %v, want ErrUnavailable", err)
	}
	if took := time.Since(start); took > 4*time.Second {
		t.Errorf("it took %v with a context of 100 ms", took)
	}
}

func TestNobodyListens(t *testing.T) {
	for _, url := range []string{"postgres://me@127.0.0.1:1/db?sslmode=disable", "mysql://me@127.0.0.1:1/db", "sqlite:/dev/null/test.db"} {
		if _, err := sqldb.Open(t.Context(), sqldb.Config{URL: url}); !errors.Is(err, sqldb.ErrUnavailable) {
			t.Errorf("%s: error is %v, want ErrUnavailable", url, err)
		}
	}
}

func TestCancelledStatementIsTheContextsError(t *testing.T) {
	db := open(t, sqldb.Config{URL: servertest.PostgreSQL(t)})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := db.Exec(ctx, "select pg_sleep(?)", 30); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error is %v, want DeadlineExceeded", err)
	}
}

func TestListen(t *testing.T) {
	line := servertest.NewLine(t, servertest.PostgreSQL(t))
	db := open(t, sqldb.Config{URL: line.URL})
	ctx, cancel := context.WithCancel(t.Context())
	heard := make(chan string, 10)
	ended := make(chan error)
	go func() { ended <- db.Listen(ctx, "news", func(payload string) { heard <- payload }) }()

	hear := func(want string) {
		t.Helper()
		select {
		case got := <-heard:
			if got != want {
				t.Errorf("heard %q, want %q", got, want)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("did not hear %q", want)
		}
	}
	hear("")
	exec(t, db, "select pg_notify('news', 'first')")
	hear("first")
	line.Cut()
	line.Mend()
	hear("")
	exec(t, db, "select pg_notify('news', 'second')")
	hear("second")
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Listen returned %v, want context.Canceled", err)
	}

	other := open(t, sqldb.Config{URL: "sqlite::memory:"})
	if err := other.Listen(t.Context(), "news", nil); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("on SQLite: %v, want ErrUnsupported", err)
	}
}
