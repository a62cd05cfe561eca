package jwks

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrClock is wrapped by the errors of a [Ring] whose store holds keys that
// were made later than its clock, by more than the tolerated skew: one of the
// two clocks is wrong, so the ring signs on but makes and removes no key.
var ErrClock = errors.New("clocks differ by more than the tolerated skew")

// A snapshot is the set as it was read at one instant, ready for use. It never
// changes.
type snapshot struct {
	rows     []Key
	version  int64
	read     time.Time // taken before the store was asked
	until    time.Time // from here on it has to be made anew
	held     map[string]*held
	set      *keySet
	changes  []time.Time // when the published set changes, as far as is known
	ahead    error       // rows that this clock has not reached, see ErrClock
	unopened error       // rows that ought to sign and whose private key does not open
}

// A held key is a row as this process holds it.
type held struct {
	Key
	*material
	signer signer // nil when it has no more to sign, or err
	err    error
}

// snapshot makes the snapshot of rows, which were read at read, for use from
// now on. What it can, it takes over from the former one.
func (c Config) snapshot(former *snapshot, rows []Key, version int64, read, now time.Time) (*snapshot, error) {
	slices.SortFunc(rows, func(a, b Key) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.KID, b.KID))
	})
	s := &snapshot{
		rows: rows, version: version, read: read,
		until:   c.reliedOn(read, now),
		held:    make(map[string]*held, len(rows)),
		changes: c.changes(rows, now),
	}
	var ahead, unopened []error
	for _, k := range rows {
		if by := k.Created.Sub(now); by > c.Skew {
			ahead = append(ahead, fmt.Errorf("%w: key %s was made %s from now", ErrClock, k.KID, by))
		}
		if algorithms[k.Algorithm] == nil || k.State(now) == Gone {
			continue
		}
		h, err := c.take(former, k, now)
		if err != nil {
			return nil, err
		}
		s.held[k.KID] = h
		unopened = append(unopened, h.err)
		if !k.Gone.IsZero() {
			s.until = earlier(s.until, k.Gone)
		}
	}
	s.ahead, s.unopened = errors.Join(ahead...), errors.Join(unopened...)
	var err error
	s.set, err = newKeySet(former, s.published())
	return s, err
}

// reliedOn returns until when what was read may be relied on or, where that is
// past because the store is down, when to ask again.
func (c Config) reliedOn(read, now time.Time) time.Time {
	if until := read.Add(c.freshFor()); now.Before(until) {
		return until
	}
	return now.Add(c.Poll)
}

// fault returns why the ring may sign, but not write.
func (s *snapshot) fault() error { return errors.Join(s.unopened, s.ahead) }

// take returns the row as this process holds it. A key that has no more to
// sign loses its private half.
func (c Config) take(former *snapshot, k Key, now time.Time) (*held, error) {
	h := &held{Key: k}
	if old := former.key(k.KID); old != nil && old.of(k) {
		h.material, h.signer = old.material, old.signer
	} else {
		var err error
		if h.material, err = readMaterial(k); err != nil {
			return nil, err
		}
	}
	if state := k.State(now); state == Retired || state == Revoked {
		h.signer = nil
	} else if h.signer == nil {
		h.signer, h.err = c.openSigner(k, h.material)
	}
	return h, nil
}

// of reports whether h was made of a row with the material of k.
func (h *held) of(k Key) bool {
	return h.Algorithm == k.Algorithm && bytes.Equal(h.Public, k.Public) && bytes.Equal(h.Sealed, k.Sealed)
}

// key returns the key that kid names, or nil. A nil snapshot has none.
func (s *snapshot) key(kid string) *held {
	if s == nil {
		return nil
	}
	return s.held[kid]
}

// signing returns the key that signs for the algorithm at now.
func (s *snapshot) signing(algorithm string, now time.Time) (*held, error) {
	k := signing(s.rows, algorithm, now)
	if k == nil {
		return nil, fmt.Errorf("no %s key is active", algorithm)
	}
	h := s.held[k.KID]
	if h.signer == nil {
		return nil, cmp.Or(h.err, fmt.Errorf("key %s was given up as retired; the clock was set back", k.KID))
	}
	return h, nil
}

// published returns the public keys of the set in the order of the rows.
func (s *snapshot) published() []json.RawMessage {
	keys := make([]json.RawMessage, 0, len(s.held))
	for _, k := range s.rows {
		if h := s.held[k.KID]; h != nil && !k.revoked() {
			keys = append(keys, h.Public)
		}
	}
	return keys
}

// nextEvent returns when something happens to a key next, or the zero time.
func (s *snapshot) nextEvent(now time.Time) time.Time {
	next := s.nextChange(now)
	for _, k := range s.rows {
		for _, at := range []time.Time{k.Active, k.Retired, k.Gone} {
			if at.After(now) && (next.IsZero() || at.Before(next)) {
				next = at
			}
		}
	}
	return next
}

// nextChange returns when the published set changes next, or the zero time.
func (s *snapshot) nextChange(now time.Time) time.Time {
	var next time.Time
	for _, at := range s.changes {
		if at.After(now) && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}
