package jwks

import (
	"context"
	"fmt"
	"time"
)

// refreshTimeout bounds how long a caller waits for a store when what was read
// last may no longer be relied on.
const refreshTimeout = 2 * time.Second

// Run keeps the set as the schedule wants it until ctx ends: it makes
// successors in time, removes keys that are gone, and sees what others changed,
// at the next event of any key and at least every Config.Poll. While the store
// cannot be reached it logs and tries again: the keys that were read sign on,
// and a key whose successor could not be made stays active. Run returns nil.
func (r *Ring) Run(ctx context.Context) error {
	for {
		timer := time.NewTimer(r.wait())
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-r.woken:
			timer.Stop()
			continue
		case <-timer.C:
		}
		if _, err := r.update(ctx, r.tended); err != nil && ctx.Err() == nil {
			r.log.Error("key ring cannot be kept up", "error", err)
		}
	}
}

// wait returns how long nothing happens. An event that is past waits for the
// next poll: it is past because it could not be handled.
func (r *Ring) wait() time.Duration {
	s, now := r.state.Load(), r.clock()
	next := now.Add(r.config.Poll)
	if at := s.nextEvent(now); !at.IsZero() {
		next = earlier(next, at)
	}
	return next.Sub(now)
}

// NextEvent returns when the state of a key changes next, or a successor is
// due, by what is known; the zero time if nothing is.
func (r *Ring) NextEvent() time.Time { return r.state.Load().nextEvent(r.clock()) }

// current returns a snapshot that may be relied on, and the time. That is the
// one in use, but for a ring that slept or that nobody runs: then the store is
// asked first, by one caller for all.
func (r *Ring) current(ctx context.Context) (*snapshot, time.Time) {
	s, now := r.state.Load(), r.clock()
	if now.Before(s.until) {
		return s, now
	}
	r.refresh(ctx, s, 0)
	return r.state.Load(), r.clock()
}

// refresh replaces s by what the store has, or if that cannot be had by s as of
// now. It does nothing when another call did it meanwhile, or the last is more
// recent than every.
func (r *Ring) refresh(ctx context.Context, s *snapshot, every time.Duration) {
	select {
	case r.asking <- struct{}{}:
		defer func() { <-r.asking }()
	case <-ctx.Done():
		return
	}
	now := r.clock()
	if r.state.Load() != s || now.Sub(time.UnixMilli(r.asked.Load())).Abs() < every {
		return
	}
	r.asked.Store(now.UnixMilli())
	ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	if _, err := r.load(ctx); err != nil {
		r.log.Error("keys in use may be out of date", "read", s.read, "error", err)
		if _, err := r.adopt(s, s.rows, s.version, s.read); err != nil {
			r.log.Error("keys in use may be out of date", "error", fmt.Errorf("rebuild: %w", err))
		}
	}
}
