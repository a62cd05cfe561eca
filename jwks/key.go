package jwks

import (
	"encoding/json"
	"log/slog"
	"slices"
	"time"
)

// A State is what a key is for at an instant.
type State string

// The states of a key, in the order in which it passes through them.
const (
	Announced State = "announced" // published, not yet signing
	Active    State = "active"    // published and signing
	Retired   State = "retired"   // published, no longer signing
	Revoked   State = "revoked"   // neither, and its tokens are refused by this name
	Gone      State = "gone"      // neither
)

// A Key is one row of a [Store]: a key at rest and the times of its life, to
// the millisecond.
type Key struct {
	KID       string          // for a key pair the thumbprint of RFC 7638
	Algorithm string          // as in a token's alg: ES256, …
	Public    json.RawMessage // the public JWK as published; nil for an HMAC secret, which never is
	Sealed    []byte          // the private key (PKCS #8) or the HMAC secret, sealed by a [Sealer]

	// When each state begins. Retired and Gone are zero until a successor
	// exists.
	Created, Announced, Active, Retired, Gone time.Time

	Revoked time.Time // when [Ring.Revoke] ended it; zero for nearly all

	// Told is the last state of which an [Observer] was told, so that of all
	// rings one tells of what the clock does. It decides nothing else.
	Told State
}

// State returns what the key is for at now. A key is announced from the moment
// that it is in the set, even by a clock that has not reached Announced, and
// revoked from the moment that its row says so.
func (k Key) State(now time.Time) State {
	switch {
	case begun(k.Gone, now):
		return Gone
	case k.revoked():
		return Revoked
	case begun(k.Retired, now):
		return Retired
	case begun(k.Active, now):
		return Active
	}
	return Announced
}

func (k Key) revoked() bool { return !k.Revoked.IsZero() }

// tell returns keys with the states that they have at now as told. None goes
// back, for a clock that lags.
func tell(keys []Key, now time.Time) []Key {
	for i := range keys {
		if state := keys[i].State(now); state.after(keys[i].Told) {
			keys[i].Told = state
		}
	}
	return keys
}

// after reports whether a key comes into s after it was in o.
func (s State) after(o State) bool { return slices.Index(states, s) > slices.Index(states, o) }

// states are all of them in their order.
var states = []State{Announced, Active, Retired, Revoked, Gone}

// LogValue names the key without its material.
func (k Key) LogValue() slog.Value {
	return slog.GroupValue(slog.String("kid", k.KID), slog.String("algorithm", k.Algorithm))
}

// A KeyStatus is what [Ring.Keys] tells about a key: its row without the key
// material, and its state.
type KeyStatus struct {
	KID       string    `json:"kid"`
	Algorithm string    `json:"algorithm"`
	State     State     `json:"state"`
	Created   time.Time `json:"created"`
	Announced time.Time `json:"announced"`
	Active    time.Time `json:"active"`
	Retired   time.Time `json:"retired,omitzero"`
	Gone      time.Time `json:"gone,omitzero"`
	Revoked   time.Time `json:"revoked,omitzero"`
}

func begun(at, now time.Time) bool { return !at.IsZero() && !now.Before(at) }

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// milli brings t to the precision of a row.
func milli(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
