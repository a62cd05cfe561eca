package authn

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// How attempts wait for each other.
const (
	turnSlots    = 1 << 13
	turnPatience = 5 * time.Second
	turnQueue    = 1024 // waiting for one slot
	mostTrust    = 4096 // attempts at once that successes can earn
)

// errQueue is that too many attempts for one person are being judged.
var errQueue = errors.New("too many attempts at once")

// turns bounds how many attempts for one person are judged at the same time,
// so that no more can fail than may fail. Who succeeds again and again earns
// more: programs log in many times at once. People may share a slot.
type turns struct {
	slots [turnSlots]slot
}

type slot struct {
	busy    atomic.Int32
	trust   atomic.Int32 // successes of the last seconds
	waiting atomic.Int32
	mu      sync.Mutex
	wake    chan struct{}
}

func (t *turns) slot(key uint64) *slot { return &t.slots[key%turnSlots] }

// take takes a turn, of which there are limit and those that were earned.
func (s *slot) take(limit int, trusted bool) bool {
	if trusted {
		limit += int(s.trust.Load())
	}
	for {
		n := s.busy.Load()
		if int(n) >= limit {
			return false
		}
		if s.busy.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// end gives the turn back.
func (s *slot) end() {
	s.busy.Add(-1)
	if s.waiting.Load() == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wake != nil {
		close(s.wake)
		s.wake = nil
	}
}

// succeeded earns trust, failed loses it.
func (s *slot) succeeded() {
	if s.trust.Load() < mostTrust {
		s.trust.Add(1)
	}
}

func (s *slot) failed() { s.trust.Store(0) }

// await returns once try, which takes a turn, returns true.
func (s *slot) await(ctx context.Context, try func() bool) error {
	if s.waiting.Add(1) > turnQueue {
		s.waiting.Add(-1)
		return errQueue
	}
	defer s.waiting.Add(-1)
	patience := time.NewTimer(turnPatience)
	defer patience.Stop()
	for {
		woken := s.woken()
		if try() {
			return nil
		}
		select {
		case <-woken:
		case <-patience.C:
			return errQueue
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *slot) woken() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wake == nil {
		s.wake = make(chan struct{})
	}
	return s.wake
}

// age halves the trust: it is of the last seconds.
func (t *turns) age() {
	for i := range t.slots {
		if trust := &t.slots[i].trust; trust.Load() > 0 {
			trust.Store(trust.Load() / 2)
		}
	}
}
