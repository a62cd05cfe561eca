package jwks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

// A Ring signs with, verifies with and publishes the keys of one issuer. It is
// safe for concurrent use. Its methods take no lock and, but for those that say
// so, ask no store: they work on what was read last, for as long as that may be
// relied on.
type Ring struct {
	config Config
	log    *slog.Logger
	clock  func() time.Time
	teller *teller
	state  atomic.Pointer[snapshot]
	woken  chan struct{} // tells Run that state is new
	asking chan struct{} // held by the one call that refreshes
	asked  atomic.Int64  // when that was last tried, Unix ms
}

// Open reads the issuer's keys and makes those that are missing: an issuer's
// first, which are active at once, and successors that are due. Of several
// rings that open at once on one store, one makes the keys and all use them.
// An error means that the ring could not do its work: no store, a Config that
// [Config.Check] refuses, or keys that the Sealer cannot open; no key is made
// then.
func Open(ctx context.Context, c Config) (*Ring, error) { return open(ctx, c, wall) }

// wall reads the clock that rows are written by. The monotonic one stands
// still while a machine is suspended.
func wall() time.Time { return time.Now().Round(0) }

func open(ctx context.Context, c Config, clock func() time.Time) (*Ring, error) {
	if err := c.Check(); err != nil {
		return nil, fmt.Errorf("open key ring: %w", err)
	}
	if c.Store == nil || c.Sealer == nil {
		return nil, errors.New("open key ring: Config needs a Store and a Sealer")
	}
	c = c.withDefaults()
	r := &Ring{
		config: c,
		log:    c.Log.With("issuer", c.Issuer),
		clock:  clock,
		woken:  make(chan struct{}, 1),
		asking: make(chan struct{}, 1),
	}
	r.teller = newTeller(r.log, c.Observer, c.Issuer, func() ([]Key, int64) { s := r.state.Load(); return s.rows, s.version })
	s, err := r.update(ctx, r.tended)
	if err != nil && s != nil && s.unopened == nil && errors.Is(err, ErrClock) {
		r.log.Error("key ring opened, but cannot rotate", "error", err)
		return r, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open key ring: %w", err)
	}
	return r, nil
}

// Reload reads the keys from the store: at once what [Ring.Run] does by and by.
// Call it when the store tells that they changed. After an error the ring uses
// what it had.
func (r *Ring) Reload(ctx context.Context) error {
	if _, err := r.load(ctx); err != nil {
		return fmt.Errorf("reload keys: %w", err)
	}
	return nil
}

// Rotate makes a successor for the key of each of the ring's algorithms,
// announced now and active after Config.Announce, and returns the successors.
// One that is announced already is returned as it is, so to call it twice is
// harmless.
//
// With now, the successors are active at once: for a key that may be known to
// others. Services that cached the key set may reject tokens for up to
// Config.MaxAge, and other replicas sign with the old key until they read the
// store.
func (r *Ring) Rotate(ctx context.Context, now bool) ([]Key, error) {
	var successors []Key
	_, err := r.update(ctx, func(ctx context.Context, s *snapshot, at time.Time, m *minter) ([]Key, error) {
		if err := s.fault(); err != nil {
			return nil, err
		}
		active := at
		if !now {
			active = milli(at.Add(r.config.Announce))
		}
		rows, needs := r.config.rotation(s.rows, at, active)
		rows, err := m.add(ctx, rows, needs, at)
		if err != nil {
			return nil, err
		}
		rows = r.config.settle(rows, at)
		successors = r.config.newest(rows)
		return rows, nil
	})
	if err != nil {
		return nil, fmt.Errorf("rotate keys: %w", err)
	}
	return successors, nil
}

// Keys tells about each key of the set as it was read last, in the order in
// which they were made.
func (r *Ring) Keys() []KeyStatus {
	s, now := r.state.Load(), r.clock()
	return statuses(s.rows, now)
}

func statuses(rows []Key, now time.Time) []KeyStatus {
	keys := make([]KeyStatus, 0, len(rows))
	for _, k := range rows {
		keys = append(keys, KeyStatus{
			KID: k.KID, Algorithm: k.Algorithm, State: k.State(now),
			Created: k.Created, Announced: k.Announced, Active: k.Active, Retired: k.Retired, Gone: k.Gone,
			Revoked: k.Revoked,
		})
	}
	return keys
}

// Ready returns nil, or why this ring might soon break the package's promise:
// it has not been able to read the store for so long that others may sign with
// keys that it does not know, its clock or its master key is wrong, or a
// successor that was due is not there.
func (r *Ring) Ready() error {
	s, now := r.state.Load(), r.clock()
	if err := s.fault(); err != nil {
		return err
	}
	if begun(s.read.Add(r.config.freshFor()), now) {
		return fmt.Errorf("keys were last read at %s", s.read.Format(time.RFC3339))
	}
	for _, name := range r.config.Algorithms {
		k := signing(s.rows, name, now)
		if k == nil {
			return fmt.Errorf("no %s key is active", name)
		}
		if due := r.config.due(k); successor(s.rows, k) == nil && begun(due.Add(2*r.config.Poll), now) {
			return fmt.Errorf("the successor of key %s was due at %s", k.KID, due.Format(time.RFC3339))
		}
	}
	return nil
}
