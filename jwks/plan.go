package jwks

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"time"
)

// A need is a key that has to be made: when it shall be active is known, its
// material is not.
type need struct {
	algorithm string
	active    time.Time
}

// needs returns the keys that have to be made at now: the first of each
// algorithm, the successor of each key whose time comes, and that of a key
// whose end is set and whose successor was revoked.
func (c Config) needs(keys []Key, now time.Time) []need {
	var needs []need
	for _, name := range c.Algorithms {
		k := signing(keys, name, now)
		switch {
		case k == nil:
			needs = append(needs, need{name, now})
		case successor(keys, k) == nil && begun(c.due(k), now), !last(keys, name).Retired.IsZero():
			needs = append(needs, need{name, now.Add(c.Announce)})
		}
	}
	return needs
}

// rotation returns keys with the successor of each algorithm's key active at
// the given instant, or earlier if it was to be, and the needs for those that
// do not exist yet.
func (c Config) rotation(keys []Key, now, at time.Time) ([]Key, []need) {
	keys = slices.Clone(keys)
	var needs []need
	for _, name := range c.Algorithms {
		active, next := at, (*Key)(nil)
		if k := signing(keys, name, now); k != nil {
			active = later(at, k.Active.Add(time.Millisecond)) // two keys never begin together
			next = successor(keys, k)
		}
		switch {
		case next == nil:
			needs = append(needs, need{name, active})
		case active.Before(next.Active):
			next.Active = active
		}
	}
	return keys, needs
}

// revocation returns keys with the one that kid names revoked and, if it
// signed, its successor active at once; and the needs for what does not exist
// yet. A key that is revoked already stays as it is.
func (c Config) revocation(keys []Key, kid string, now time.Time) ([]Key, []need, error) {
	keys = slices.Clone(keys)
	i := slices.IndexFunc(keys, func(k Key) bool { return k.KID == kid && k.State(now) != Gone })
	if i < 0 {
		return nil, nil, fmt.Errorf("%w: %s", ErrNoKey, kid)
	}
	k := &keys[i]
	if k.revoked() {
		return keys, nil, nil
	}
	signed, next := signing(keys, k.Algorithm, now) == k, successor(keys, k)
	k.Revoked = now
	if !begun(k.Retired, now) {
		k.Retired = now
	}
	switch {
	case !signed || !slices.Contains(c.Algorithms, k.Algorithm):
		return keys, c.needs(keys, now), nil
	case next == nil:
		return keys, []need{{k.Algorithm, now}}, nil
	case now.Before(next.Active):
		next.Active = now
	}
	return keys, nil, nil
}

// due is when the successor of k has to be announced.
func (c Config) due(k *Key) time.Time { return milli(k.Active.Add(c.RotateEvery - c.Announce)) }

// settle returns what the set has to be at now, once all that it needs is in
// it: gone keys dropped, each key's end set by its successor's start, and what
// came to pass told.
func (c Config) settle(keys []Key, now time.Time) []Key {
	keys = slices.DeleteFunc(slices.Clone(keys), func(k Key) bool { return k.State(now) == Gone })
	slices.SortFunc(keys, byActive)
	for i := range keys {
		k := &keys[i]
		if !k.revoked() && !begun(k.Retired, now) {
			if next := successor(keys, k); next != nil {
				k.Retired = next.Active
			} else if c.abandoned(k, now) {
				k.Retired = milli(now.Add(c.Announce))
			}
		}
		if !k.Retired.IsZero() {
			k.Gone = later(k.Gone, milli(k.Retired.Add(c.hold())))
		}
	}
	return tell(keys, now)
}

// abandoned reports whether k is of an algorithm that no replica uses any more:
// one that did would have made a successor by now.
func (c Config) abandoned(k *Key, now time.Time) bool {
	return algorithms[k.Algorithm] != nil && !slices.Contains(c.Algorithms, k.Algorithm) &&
		k.Retired.IsZero() && begun(k.Active.Add(c.RotateEvery+c.Announce), now)
}

// changes returns the instants at which the set that is published changes by
// what is known of it.
func (c Config) changes(keys []Key, now time.Time) []time.Time {
	var at []time.Time
	for i := range keys {
		if !keys[i].Gone.IsZero() && !keys[i].revoked() {
			at = append(at, keys[i].Gone)
		}
	}
	for _, name := range c.Algorithms {
		if k := signing(keys, name, now); k != nil && successor(keys, k) == nil {
			at = append(at, c.due(k))
		}
	}
	return at
}

// signing returns the key that signs for the algorithm at now: of those that
// are not retired the latest that is active. If by this clock none is yet, it
// is the first that will be: a clock that lags behind the one that made the
// first key has to sign too.
func signing(keys []Key, algorithm string, now time.Time) *Key {
	var active, first *Key
	for i := range keys {
		k := &keys[i]
		switch {
		case k.Algorithm != algorithm || k.revoked() || begun(k.Retired, now) || begun(k.Gone, now):
		case begun(k.Active, now):
			if active == nil || byActive(*k, *active) > 0 {
				active = k
			}
		case first == nil || byActive(*k, *first) < 0:
			first = k
		}
	}
	return cmp.Or(active, first)
}

// successor returns the key that takes over from k, or nil.
func successor(keys []Key, k *Key) *Key {
	var next *Key
	for i := range keys {
		if o := &keys[i]; o.Algorithm == k.Algorithm && !o.revoked() && byActive(*o, *k) > 0 && (next == nil || byActive(*o, *next) < 0) {
			next = o
		}
	}
	return next
}

// byActive orders keys by the time from which they sign. It is total, so all
// replicas agree.
func byActive(a, b Key) int {
	return cmp.Or(a.Active.Compare(b.Active), cmp.Compare(a.KID, b.KID))
}

// sameRows reports whether a and b hold the same keys with the same times,
// sealed in the same way.
func sameRows(a, b []Key) bool {
	if len(a) != len(b) {
		return false
	}
	rows := make(map[string]Key, len(a))
	for _, k := range a {
		rows[k.KID] = k
	}
	return !slices.ContainsFunc(b, func(k Key) bool {
		o, ok := rows[k.KID]
		return !ok || !o.Active.Equal(k.Active) || !o.Retired.Equal(k.Retired) || !o.Gone.Equal(k.Gone) ||
			!o.Revoked.Equal(k.Revoked) || o.Told != k.Told || !bytes.Equal(o.Sealed, k.Sealed)
	})
}

// newest returns the last key of each of the ring's algorithms.
func (c Config) newest(keys []Key) []Key {
	var newest []Key
	for _, name := range c.Algorithms {
		if k := last(keys, name); k != nil {
			newest = append(newest, *k)
		}
	}
	return newest
}

// last returns the key of the algorithm that signs after all others, or nil.
func last(keys []Key, algorithm string) *Key {
	var last *Key
	for i := range keys {
		if k := &keys[i]; k.Algorithm == algorithm && !k.revoked() && (last == nil || byActive(*k, *last) > 0) {
			last = k
		}
	}
	return last
}
