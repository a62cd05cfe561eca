package storage_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/internal/servertest"
	"github.com/claimsmith/claimsmith/storage"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

const issuer = "https://issuer.example"

var ctx = context.Background()

// at is the instant that many minutes after the tests' beginning of time.
func at(minutes int) time.Time {
	return time.Date(2030, 1, 1, 0, minutes, 0, int(7*time.Millisecond), time.UTC)
}

// Everything that storage promises is shown on each database.
func onEach(t *testing.T, test func(t *testing.T, c sqldb.Config)) {
	t.Run("SQLite", func(t *testing.T) { test(t, sqliteConfig(t)) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, sqldb.Config{URL: servertest.PostgreSQL(t)}) })
}

func sqliteConfig(t testing.TB) sqldb.Config {
	return sqldb.Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "test.db")}
}

// open opens storage with its tables in it.
func open(t testing.TB, c sqldb.Config) *storage.DB {
	t.Helper()
	db, err := storage.Open(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	must(t, db.Migrate(ctx))
	return db
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: error is %v, want %v", what, err, want)
	}
}

func equal[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// parallel calls f n times at once and returns the errors.
func parallel(n int, f func(i int) error) []error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = f(i) })
	}
	all.Wait()
	return errs
}

func TestSixReplicasMigrateAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, c sqldb.Config) {
		errs := parallel(6, func(i int) error {
			db, err := storage.Open(ctx, c)
			if err != nil {
				return err
			}
			defer db.Close()
			if err := db.Migrate(ctx); err != nil {
				return err
			}
			_, err = db.SetMetaOnce(ctx, "first", fmt.Sprint(i))
			return err
		})
		must(t, errors.Join(errs...))
	})
}

func TestAllWhoSetMetaOnceGetTheSameValue(t *testing.T) {
	onEach(t, func(t *testing.T, c sqldb.Config) {
		db := open(t, c)
		_, err := db.Meta(ctx, "check")
		wantError(t, "before", err, storage.ErrNotFound)
		got := make([]string, 6)
		must(t, errors.Join(parallel(6, func(i int) (err error) {
			got[i], err = db.SetMetaOnce(ctx, "check", fmt.Sprint(i))
			return err
		})...))
		if value, err := db.Meta(ctx, "check"); err != nil || slices.ContainsFunc(got, func(s string) bool { return s != value }) {
			t.Errorf("got %q, and %q %v is stored", got, value, err)
		}
	})
}

func TestManyCallersOnOneConnection(t *testing.T) {
	onEach(t, func(t *testing.T, c sqldb.Config) {
		c.MaxConns = 1
		db := open(t, c)
		must(t, errors.Join(parallel(64, func(i int) error {
			s, token := session(fmt.Sprint("s", i)), token(fmt.Sprint("t", i))
			if err := db.CreateSession(ctx, s, token); err != nil {
				return err
			}
			if _, _, err := db.RefreshToken(ctx, issuer, token.Hash); err != nil {
				return err
			}
			return db.Revoke(ctx, storage.Revocation{Issuer: issuer, Kind: storage.KindJTI, Value: s.ID, Expires: at(9)})
		})...))
	})
}

func TestEndedContextIsTheError(t *testing.T) {
	onEach(t, func(t *testing.T, c sqldb.Config) {
		db := open(t, c)
		ended, cancel := context.WithCancel(ctx)
		cancel()
		for what, err := range eachCall(ended, db) {
			if !errors.Is(err, context.Canceled) || errors.Is(err, storage.ErrUnavailable) {
				t.Errorf("%s: error is %v, want context.Canceled alone", what, err)
			}
		}
	})
}

func TestStorageThatIsDown(t *testing.T) {
	onEach(t, func(t *testing.T, c sqldb.Config) {
		db := open(t, c)
		db.Close()
		for what, err := range eachCall(ctx, db) {
			wantError(t, what, err, storage.ErrUnavailable)
		}
	})
	_, err := storage.Open(ctx, sqldb.Config{URL: "postgres://me:secret@127.0.0.1:1/claimsmith?sslmode=disable"})
	wantError(t, "nobody listens", err, storage.ErrUnavailable)
}

func TestMySQLIsNoHome(t *testing.T) {
	if db, err := storage.Open(ctx, sqldb.Config{URL: servertest.MariaDB(t)}); err == nil {
		db.Close()
		t.Error("storage was opened on MariaDB")
	}
}

// eachCall returns the error of each call that reads or writes.
func eachCall(ctx context.Context, db *storage.DB) map[string]error {
	errs := map[string]error{
		"Ping": db.Ping(ctx), "Migrate": db.Migrate(ctx),
		"CreateClient": db.CreateClient(ctx, client("a")), "UpdateClient": db.UpdateClient(ctx, client("a")),
		"DeleteClient": db.DeleteClient(ctx, issuer, "a"), "CreateSession": db.CreateSession(ctx, session("a"), token("a")),
		"EndSession":         db.EndSession(ctx, issuer, "a", "", at(0)),
		"RotateRefreshToken": db.RotateRefreshToken(ctx, issuer, "a", token("b"), session("a"), at(1)),
		"Revoke":             db.Revoke(ctx, storage.Revocation{Issuer: issuer, Kind: storage.KindJTI, Value: "a"}),
		"UpdateKeys":         db.UpdateKeys(ctx, issuer, 0, nil),
	}
	_, errs["Client"] = db.Client(ctx, issuer, "a")
	_, errs["Clients"] = db.Clients(ctx, issuer)
	_, errs["Session"] = db.Session(ctx, issuer, "a")
	_, errs["Sessions"] = db.Sessions(ctx, storage.SessionFilter{Issuer: issuer})
	_, errs["EndSessions"] = db.EndSessions(ctx, storage.SessionFilter{Issuer: issuer}, "", at(0))
	_, errs["PruneSessions"] = db.PruneSessions(ctx, at(0), 1)
	_, _, errs["RefreshToken"] = db.RefreshToken(ctx, issuer, "a")
	_, errs["Revoked"] = db.Revoked(ctx, issuer, "a", "b")
	_, errs["PruneRevocations"] = db.PruneRevocations(ctx, at(0), 1)
	_, _, errs["Keys"] = db.Keys(ctx, issuer)
	errs["UseAssertion"] = db.UseAssertion(ctx, issuer, "a", at(1))
	_, errs["PruneAssertions"] = db.PruneAssertions(ctx, at(0), 1)
	_, errs["CountFailures"] = db.CountFailures(ctx, at(0), []storage.FailureCount{{Key: "a"}})
	errs["ForgetFailures"] = db.ForgetFailures(ctx, []string{"a"})
	errs["RememberKnown"] = db.RememberKnown(ctx, at(0), []string{"a"})
	_, errs["Known"] = db.Known(ctx, "a", at(0))
	_, errs["PruneThrottle"] = db.PruneThrottle(ctx, at(0), at(0), 1)
	errs["AddEvents"] = db.AddEvents(ctx, []storage.Event{event(0, "a")})
	_, errs["Events"] = db.Events(ctx, storage.EventFilter{})
	_, errs["PruneEvents"] = db.PruneEvents(ctx, at(0), 1)
	_, errs["Meta"] = db.Meta(ctx, "a")
	_, errs["SetMetaOnce"] = db.SetMetaOnce(ctx, "a", "b")
	return errs
}
