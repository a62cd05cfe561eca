package jwks

import (
	"context"
	"time"
)

// Run removes secrets that are gone and tells of those that begin to sign or end,
// when it happens, until ctx ends; then it returns nil. Without it a secret
// lives as well, and nobody is told.
func (s *Secrets) Run(ctx context.Context) error {
	for {
		timer := time.NewTimer(s.wait())
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-s.woken:
			timer.Stop()
			continue
		case <-timer.C:
		}
		err := s.update(ctx, ChangeAnnounced, func(rows []Key, _ time.Time) ([]Key, error) { return rows, nil })
		if err != nil && ctx.Err() == nil {
			s.log.Error("secrets cannot be kept up", "error", err)
		}
	}
}

// wait returns how long nothing happens: until the next event, an hour at most.
// An event that is past could not be told of, and waits for the next poll.
func (s *Secrets) wait() time.Duration {
	now := wall()
	next := now.Add(time.Hour)
	for _, k := range s.state.Load().rows {
		if k.State(now).after(k.Told) {
			next = earlier(next, now.Add(s.config.Poll))
		}
		for _, at := range []time.Time{k.Active, k.Retired, k.Gone} {
			if at.After(now) {
				next = earlier(next, at)
			}
		}
	}
	return next.Sub(now)
}
