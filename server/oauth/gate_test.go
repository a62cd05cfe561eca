package oauth

import (
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// However many come, as many work as there are cores; a bounded number wait,
// and none for longer than two seconds.
func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		busy := func(err error) bool {
			e, ok := errors.AsType[*Error](err)
			return ok && e.Status == http.StatusServiceUnavailable && e.RetryAfter > 0
		}
		release := make(chan struct{})
		var working, refused atomic.Int32
		var crowd sync.WaitGroup
		for range (gateQueue + 1) * cap(g.running) {
			crowd.Go(func() {
				if busy(g.run(t.Context(), func() { working.Add(1); <-release })) {
					refused.Add(1)
				}
			})
		}
		synctest.Wait()
		if n := int(working.Load()); n != cap(g.running) {
			t.Errorf("%d work at once, want %d", n, cap(g.running))
		}
		if !busy(g.run(t.Context(), func() { t.Error("it was let in") })) {
			t.Error("the queue has no end")
		}
		if n := refused.Load(); n != 0 {
			t.Errorf("%d of those who wait were refused", n)
		}
		time.Sleep(gatePatient)
		synctest.Wait()
		if n := int(refused.Load()); n != gateQueue*cap(g.running) {
			t.Errorf("%d were refused after %s, want all who waited", n, gatePatient)
		}
		close(release)
		crowd.Wait()
		if err := g.run(t.Context(), func() {}); err != nil {
			t.Errorf("when there is room again: %v", err)
		}
	})
}
