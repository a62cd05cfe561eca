package host

import (
	"sync/atomic"
	"time"
)

// slowFailures in a row open the breaker.
const slowFailures = 5

// breaker spares callers the wait for a plugin that cannot tell and takes long
// to say so, as one does whose directory is unreachable: killing it would not
// help, and each login would wait out the deadline before the chain went on.
//
// Only failures that took long count. One that comes at once costs nobody
// anything, and whoever makes a plugin fail at once shuts out nobody. While the
// breaker is open one call in each pause goes through; the first one that gets
// an answer closes it. It takes no lock. The zero breaker is closed.
type breaker struct {
	failures atomic.Int64 // slow ones in a row
	until    atomic.Int64 // Unix nanoseconds; 0: closed
}

// admit reports whether a call may go, or else when one may.
func (b *breaker) admit(now time.Time, pause time.Duration) (wait time.Duration, ok bool) {
	until := b.until.Load()
	if until == 0 {
		return 0, true
	}
	if wait := time.Duration(until - now.UnixNano()); wait > 0 {
		return wait, false
	}
	// Whoever moves the mark is the one to try.
	return pause, b.until.CompareAndSwap(until, now.Add(pause).UnixNano())
}

// failed notes a slow failure.
func (b *breaker) failed(now time.Time, pause time.Duration) {
	if b.failures.Add(1) >= slowFailures {
		b.until.Store(now.Add(pause).UnixNano())
	}
}

// close notes an answer, or that another process serves.
func (b *breaker) close() {
	if b.failures.Load() != 0 {
		b.failures.Store(0)
	}
	if b.until.Load() != 0 {
		b.until.Store(0)
	}
}

func (b *breaker) open() bool { return b.until.Load() != 0 }
