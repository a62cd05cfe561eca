package audit

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/claimsmith/claimsmith/storage"
)

// How a Keeper works.
const (
	keeperQueue   = 8192 // events
	keeperBatch   = 500
	keeperEvery   = 250 * time.Millisecond
	keeperPause   = time.Second      // after a batch that was not stored
	keeperTimeout = 10 * time.Second // of one
	keeperPrune   = 10 * time.Minute
	keeperGoing   = 5 * time.Second // for what is left at the end
)

// Rows is where a Keeper keeps events; storage.DB is one.
type Rows interface {
	AddEvents(ctx context.Context, events []storage.Event) error
	PruneEvents(ctx context.Context, before time.Time, limit int) (int64, error)
}

// Keeper keeps events in storage for a time. It stores them in batches, beside
// the requests; when storage is down for long it drops the newest and counts them.
type Keeper struct {
	rows    Rows
	keepFor time.Duration
	log     *slog.Logger
	queue   chan storage.Event
	dropped atomic.Int64
}

// NewKeeper returns a Keeper that removes events older than keepFor.
func NewKeeper(rows Rows, keepFor time.Duration, log *slog.Logger) *Keeper {
	return &Keeper{rows: rows, keepFor: keepFor, log: log, queue: make(chan storage.Event, keeperQueue)}
}

// Dropped returns how many events were not kept because too many waited.
func (k *Keeper) Dropped() int64 { return k.dropped.Load() }

// Pending returns how many events wait to be stored.
func (k *Keeper) Pending() int { return len(k.queue) }

func (k *Keeper) keep(e storage.Event) {
	select {
	case k.queue <- e:
	default:
		k.dropped.Add(1)
	}
}

// Run stores events until ctx ends, and then those that wait.
func (k *Keeper) Run(ctx context.Context) error {
	store, prune := time.NewTicker(keeperEvery), time.NewTicker(keeperPrune)
	defer store.Stop()
	defer prune.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), keeperGoing)
			defer cancel()
			k.drain(last)
			return nil
		case <-store.C:
			k.drain(ctx)
		case now := <-prune.C:
			k.prune(ctx, now.Add(-k.keepFor))
		}
	}
}

// prune removes every event from before a time, and stores what comes meanwhile.
func (k *Keeper) prune(ctx context.Context, before time.Time) {
	for n := int64(keeperQueue); n == keeperQueue && ctx.Err() == nil; k.drain(ctx) {
		var err error
		bounded, cancel := context.WithTimeout(ctx, keeperTimeout)
		if n, err = k.rows.PruneEvents(bounded, before, keeperQueue); err != nil && ctx.Err() == nil {
			k.log.Warn("prune events", "error", err)
		}
		cancel()
	}
}

// drain stores all that waits.
func (k *Keeper) drain(ctx context.Context) {
	for len(k.queue) > 0 {
		batch := make([]storage.Event, 0, min(keeperBatch, len(k.queue)))
		for len(k.queue) > 0 && len(batch) < cap(batch) {
			batch = append(batch, <-k.queue)
		}
		if !k.store(ctx, batch) {
			k.dropped.Add(int64(len(batch)))
			return
		}
	}
}

// store stores a batch, and tries again until ctx ends.
func (k *Keeper) store(ctx context.Context, batch []storage.Event) bool {
	for told := false; ; told = true {
		bounded, cancel := context.WithTimeout(ctx, keeperTimeout)
		err := k.rows.AddEvents(bounded, batch)
		cancel()
		if err == nil {
			return true
		}
		if !told {
			k.log.Warn("keep events", "error", err, "pending", len(k.queue)+len(batch))
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(keeperPause):
		}
	}
}
