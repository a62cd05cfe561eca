package storage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// FailureCount is how a key's failures are counted.
type FailureCount struct {
	Key    string
	Window time.Duration // without a failure for so long, all are forgotten
	Leak   time.Duration // one is forgotten for each; 0: none before the window ends
}

// never is a leak that forgets nothing.
const never = int64(1) << 53

// CountFailures adds one failure to each of the keys, of which none comes twice, in one
// statement, and returns by key how many stand there now.
func (db *DB) CountFailures(ctx context.Context, now time.Time, counts []FailureCount) (map[string]int, error) {
	if len(counts) == 0 {
		return nil, nil
	}
	counts = slices.SortedFunc(slices.Values(counts), func(a, b FailureCount) int { // so that those who meet lock in one order
		return cmp.Compare(a.Key, b.Key)
	})
	args := make([]any, 0, 5*len(counts))
	for _, c := range counts {
		leak := max(1, c.Leak.Milliseconds())
		if c.Leak == 0 {
			leak = never
		}
		args = append(args, c.Key, 1, sqldb.Milliseconds(now), sqldb.Milliseconds(now.Add(c.Window)), leak)
	}
	var rows []struct {
		Key      string `db:"key"`
		Failures int    `db:"failures"`
	}
	err := db.sql.Select(ctx, &rows, `
		insert into throttle (key, failures, updated, expires, leak)
		values `+strings.Repeat(`, (?, ?, ?, ?, ?)`, len(counts))[2:]+`
		on conflict (key) do update set
			failures = case
				when throttle.expires <= excluded.updated then 1
				when throttle.failures <= (excluded.updated - throttle.updated) / excluded.leak then 1
				when throttle.updated >= excluded.updated then throttle.failures + 1
				else throttle.failures - (excluded.updated - throttle.updated) / excluded.leak + 1 end,
			updated = excluded.updated, expires = excluded.expires, leak = excluded.leak
		returning key, failures`, args...)
	if err != nil {
		return nil, fmt.Errorf("count failures: %w", err)
	}
	failures := make(map[string]int, len(rows))
	for _, r := range rows {
		failures[r.Key] = r.Failures
	}
	return failures, nil
}

// ForgetFailures removes the failures of keys, each in a statement of its own: no
// database says in which order one would lock several, and CountFailures has its own.
func (db *DB) ForgetFailures(ctx context.Context, keys []string) error {
	for _, key := range keys {
		if _, err := db.sql.Exec(ctx, `delete from throttle where key = ?`, key); err != nil {
			return fmt.Errorf("forget failures: %w", err)
		}
	}
	return nil
}

// RememberKnown stores that keys are known as of now.
func (db *DB) RememberKnown(ctx context.Context, now time.Time, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	keys = slices.Compact(slices.Sorted(slices.Values(keys)))
	args := make([]any, 0, 2*len(keys))
	for _, key := range keys {
		args = append(args, key, sqldb.Milliseconds(now))
	}
	_, err := db.sql.Exec(ctx, `
		insert into throttle_known (key, seen) values `+strings.Repeat(`, (?, ?)`, len(keys))[2:]+`
		on conflict (key) do update set seen = excluded.seen where throttle_known.seen < excluded.seen`, args...)
	if err != nil {
		return fmt.Errorf("remember known addresses: %w", err)
	}
	return nil
}

// Known returns whether a key was remembered after a time.
func (db *DB) Known(ctx context.Context, key string, after time.Time) (bool, error) {
	var found int
	err := db.sql.Get(ctx, &found, `select 1 from throttle_known where key = ? and seen > ?`, key, sqldb.Milliseconds(after))
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, ErrNotFound):
		return false, nil
	}
	return false, fmt.Errorf("read known addresses: %w", err)
}

// PruneThrottle removes at most limit counts that have expired, and as many known keys
// that were not seen after a time. It returns how many it removed.
func (db *DB) PruneThrottle(ctx context.Context, now, seen time.Time, limit int) (int64, error) {
	counts, err1 := db.sql.Exec(ctx, `
		delete from throttle where key in (select key from throttle where expires <= ? order by expires limit ?)`, sqldb.Milliseconds(now), limit)
	known, err2 := db.sql.Exec(ctx, `
		delete from throttle_known where key in (select key from throttle_known where seen <= ? order by seen limit ?)`, sqldb.Milliseconds(seen), limit)
	if err := errors.Join(err1, err2); err != nil {
		return counts + known, fmt.Errorf("prune throttle: %w", err)
	}
	return counts + known, nil
}
