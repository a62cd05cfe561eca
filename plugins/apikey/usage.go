package apikey

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
)

const (
	usedEvery  = time.Minute // last_used is written at most so often
	flushAfter = time.Second
	flushFor   = 5 * time.Second
	maxPending = 10_000 // keys; the use of more is forgotten
	batch      = 100    // keys in one statement
)

// usage writes when keys were last used, a moment later and many at once, so
// that no answer waits for it.
type usage struct {
	keys *Keys

	mu      sync.Mutex
	pending map[string]bool // IDs
	due     *time.Timer     // the next flush; nil before the first
	closed  bool
	writing sync.WaitGroup // flushes that are due or under way
}

func newUsage(keys *Keys) *usage { return &usage{keys: keys, pending: map[string]bool{}} }

// touch notes that a key is used now.
func (u *usage) touch(r *Record, now time.Time) {
	if now.Sub(r.LastUsed) < usedEvery {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed || len(u.pending) >= maxPending {
		return
	}
	if len(u.pending) == 0 {
		u.writing.Add(1)
		u.due = time.AfterFunc(flushAfter, func() {
			defer u.writing.Done()
			u.flush()
		})
	}
	u.pending[r.ID] = true
}

// close writes what is pending and waits for writes under way.
func (u *usage) close() {
	u.mu.Lock()
	u.closed = true
	if u.due != nil && u.due.Stop() {
		u.writing.Done()
	}
	u.mu.Unlock()
	u.flush()
	u.writing.Wait()
}

func (u *usage) flush() {
	u.mu.Lock()
	ids := make([]any, 0, len(u.pending)+batch)
	for id := range u.pending {
		ids = append(ids, id)
	}
	clear(u.pending)
	u.mu.Unlock()

	ctx, cancel := context.WithTimeout(context.Background(), flushFor)
	defer cancel()
	for len(ids) > 0 {
		for len(ids) < batch {
			ids = append(ids, ids[0]) // one text of the statement for all sizes
		}
		if err := u.write(ctx, ids[:batch]); err != nil {
			slog.Warn("cannot write when API keys were used", "error", err)
			return
		}
		ids = ids[batch:]
	}
}

var touchStatement = `update api_keys set last_used = ? where last_used <= ? and id in (?` + strings.Repeat(", ?", batch-1) + `)`

func (u *usage) write(ctx context.Context, ids []any) error {
	now := time.Now()
	args := append([]any{now.UnixMilli(), now.Add(-usedEvery).UnixMilli()}, ids...)
	_, err := u.keys.db.Exec(ctx, touchStatement, args...)
	return err
}
