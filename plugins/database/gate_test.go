package database

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

func TestChecksAtOnceAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(5)
		cores := cap(g.running)
		var refused, late atomic.Int64
		var mu sync.Mutex
		var running, most int
		var all sync.WaitGroup
		for range cores + 5 + 3 {
			all.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
				defer cancel()
				err := g.enter(ctx)
				var unavailable *sdk.UnavailableError
				switch {
				case errors.Is(err, context.DeadlineExceeded):
					late.Add(1)
					return
				case errors.As(err, &unavailable) && unavailable.RetryAfter > 0:
					refused.Add(1)
					return
				case err != nil:
					t.Error(err)
					return
				}
				defer g.leave(0)
				count := func(change int) {
					mu.Lock()
					defer mu.Unlock()
					running += change
					most = max(most, running)
				}
				count(1)
				time.Sleep(time.Minute) // the work
				count(-1)
			})
		}
		all.Wait()
		if most != cores {
			t.Errorf("%d ran at once, want %d", most, cores)
		}
		if refused.Load() != 3 {
			t.Errorf("%d were refused, want 3", refused.Load())
		}
		if want := max(0, 5-int64(cores)); late.Load() != want { // those beyond the second minute
			t.Errorf("%d gave up at their deadline, want %d", late.Load(), want)
		}
		if g.waiting.Load() != 0 || len(g.running) != 0 {
			t.Errorf("%d still wait, %d still run", g.waiting.Load(), len(g.running))
		}
	})
}

func TestNoWorkForACallerWhoLeft(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := newGate(0).enter(ctx); !errors.Is(err, sdk.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("enter = %v", err)
	}
}
