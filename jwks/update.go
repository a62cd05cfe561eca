package jwks

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// How long a store may take, and how often an update tries when others change
// the set at the same time.
const (
	storeTimeout   = 10 * time.Second
	updateAttempts = 20
	updateBackoff  = 5 * time.Millisecond
)

// An edit returns the set that shall replace that of s; one with the same rows
// replaces nothing.
type edit func(ctx context.Context, s *snapshot, now time.Time, m *minter) ([]Key, error)

// update changes the set in the store by e, under the compare-and-swap, and
// takes what then stands into use. With an error of e it returns what e was
// given as well.
func (r *Ring) update(ctx context.Context, e edit) (*snapshot, error) {
	m := &minter{config: r.config, made: make(map[string]Key)}
	var seen *snapshot // what is in the store now, as far as anybody can tell
	defer func() { r.destroy(ctx, m.vain(seen)) }()
	for attempt := range updateAttempts {
		s, err := r.load(ctx)
		if seen = s; err != nil {
			return nil, err
		}
		now := milli(r.clock())
		rows, err := e(ctx, s, now, m)
		if err != nil || sameRows(s.rows, rows) {
			return s, err
		}
		r.teller.begin()
		err = r.store(ctx, s.version, rows)
		if err == nil {
			next, err := r.adopt(s, rows, s.version+1, now)
			r.teller.wrote(rows, s.version+1, ChangeAnnounced)
			m.keep(rows)
			r.destroy(ctx, without(s.rows, rows))
			return next, err
		}
		r.teller.failed()
		if !errors.Is(err, ErrConflict) {
			m.keep(rows) // perhaps they were written all the same
			return s, err
		}
		seen = nil
		if err := pause(ctx, rand.N(updateBackoff*time.Duration(attempt+1))); err != nil {
			return s, err
		}
	}
	return nil, fmt.Errorf("%w, %d times in a row", ErrConflict, updateAttempts)
}

// tended is the edit that keeps the set as the schedule wants it.
func (r *Ring) tended(ctx context.Context, s *snapshot, now time.Time, m *minter) ([]Key, error) {
	if err := s.fault(); err != nil {
		return nil, err
	}
	rows := r.config.settle(s.rows, now)
	rows, err := m.add(ctx, rows, r.config.needs(rows, now), now)
	if err != nil {
		return nil, err
	}
	return r.config.settle(rows, now), nil
}

// load reads the set and takes it into use.
func (r *Ring) load(ctx context.Context) (*snapshot, error) {
	former, read := r.state.Load(), r.clock()
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	rows, version, err := r.config.Store.Keys(ctx, r.config.Issuer)
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	return r.adopt(former, rows, version, read)
}

func (r *Ring) store(ctx context.Context, version int64, rows []Key) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if err := r.config.Store.UpdateKeys(ctx, r.config.Issuer, version, rows); err != nil {
		return fmt.Errorf("write keys: %w", err)
	}
	return nil
}

// adopt takes rows into use in place of former, and returns their snapshot. If
// former has been replaced meanwhile, the higher version stays in use; a lower
// one is right only where nobody else saw more, as when the store was restored.
func (r *Ring) adopt(former *snapshot, rows []Key, version int64, read time.Time) (*snapshot, error) {
	s, err := r.config.snapshot(former, slices.Clone(rows), version, read, r.clock())
	if err != nil {
		return nil, err
	}
	for !r.state.CompareAndSwap(former, s) {
		if former = r.state.Load(); former.version >= version {
			r.teller.met()
			return s, nil
		}
	}
	r.teller.met()
	select {
	case r.woken <- struct{}{}:
	default:
	}
	return s, nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
