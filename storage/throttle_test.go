package storage_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/internal/servertest"
	"github.com/claimsmith/claimsmith/storage"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

func TestFailuresAreCountedAndForgotten(t *testing.T) {
	onEach(t, func(t *testing.T, c sqldb.Config) {
		db := open(t, c)
		strict := storage.FailureCount{Key: "strict", Window: 15 * time.Minute}
		leaky := storage.FailureCount{Key: "leaky", Window: 15 * time.Minute, Leak: 3 * time.Minute}
		for _, step := range []struct{ minute, strict, leaky int }{
			{0, 1, 1},
			{0, 2, 2},
			{1, 3, 3},
			{4, 4, 3},
			{4, 5, 4},
			{18, 6, 1},
			{33, 1, 1},
			{32, 2, 2}, // another replica's clock
		} {
			before := db.Statements()
			got, err := db.CountFailures(ctx, at(step.minute), []storage.FailureCount{strict, leaky})
			must(t, err)
			equal(t, "statements", db.Statements()-before, 1)
			equal(t, fmt.Sprint("failures in minute ", step.minute), got, map[string]int{"strict": step.strict, "leaky": step.leaky})
		}
		must(t, db.ForgetFailures(ctx, []string{"strict", "none"}))
		got, err := db.CountFailures(ctx, at(34), []storage.FailureCount{strict})
		must(t, err)
		equal(t, "after it was forgotten", got, map[string]int{"strict": 1})
	})
}

func TestNoFailureIsLostWhenManyFail(t *testing.T) {
	onEach(t, func(t *testing.T, c sqldb.Config) {
		db := open(t, c)
		must(t, errors.Join(parallel(16, func(i int) error {
			counts := []storage.FailureCount{{Key: "a", Window: time.Hour}, {Key: fmt.Sprint("b", i), Window: time.Hour}, {Key: "c", Window: time.Hour}}
			if i%2 == 0 {
				counts[0], counts[2] = counts[2], counts[0]
			}
			_, err := db.CountFailures(ctx, at(1), counts)
			return err
		})...))
		got, err := db.CountFailures(ctx, at(1), []storage.FailureCount{{Key: "a", Window: time.Hour}, {Key: "c", Window: time.Hour}})
		must(t, err)
		equal(t, "failures", got, map[string]int{"a": 17, "c": 17})
	})
}

// Who fails and who succeeds at the same time waits for the other, and not in a circle.
func TestFailuresAreForgottenWhileManyFail(t *testing.T) {
	c := sqldb.Config{URL: servertest.PostgreSQL(t)}
	db := open(t, c)
	must(t, errors.Join(parallel(12, func(i int) (err error) {
		for n := 0; n < 150 && err == nil; n++ {
			if i%3 == 0 {
				err = db.ForgetFailures(ctx, []string{"Z", "_"})
			} else {
				_, err = db.CountFailures(ctx, at(1), []storage.FailureCount{{Key: "_", Window: time.Hour}, {Key: "Z", Window: time.Hour}})
			}
		}
		return err
	})...))
	raw, err := sqldb.Open(ctx, c)
	must(t, err)
	defer raw.Close()
	var deadlocks int
	must(t, raw.Get(ctx, &deadlocks, "select deadlocks from pg_stat_database where datname = current_database()"))
	equal(t, "deadlocks", deadlocks, 0)
}

func TestKnownAddresses(t *testing.T) {
	onEach(t, func(t *testing.T, c sqldb.Config) {
		db := open(t, c)
		must(t, db.RememberKnown(ctx, at(5), []string{"a", "b", "a"}))
		must(t, db.RememberKnown(ctx, at(9), []string{"a"}))
		must(t, db.RememberKnown(ctx, at(1), []string{"a"}))
		known := func(key string, after int) bool {
			found, err := db.Known(ctx, key, at(after))
			must(t, err)
			return found
		}
		equal(t, "known", []bool{known("a", 8), known("a", 9), known("b", 4), known("b", 5), known("c", 0)}, []bool{true, false, true, false, false})
		_, err := db.CountFailures(ctx, at(1), []storage.FailureCount{{Key: "k", Window: time.Minute}})
		must(t, err)
		n, err := db.PruneThrottle(ctx, at(2), at(5), 10)
		must(t, err)
		equal(t, "pruned", n, int64(2))
		equal(t, "known after pruning", []bool{known("a", 0), known("b", 0)}, []bool{true, false})
	})
}

func BenchmarkCountFailures(b *testing.B) {
	for name, config := range map[string]sqldb.Config{"SQLite": sqliteConfig(b), "PostgreSQL": {URL: servertest.PostgreSQL(b)}} {
		b.Run(name, func(b *testing.B) {
			db := open(b, config)
			ctx := b.Context()
			counts := []storage.FailureCount{{Key: "person", Window: time.Hour}, {Key: "pair", Window: time.Hour}, {Key: "address", Window: time.Hour}, {Key: "client", Window: time.Hour}}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := db.CountFailures(ctx, at(1), counts); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
