package jwks

import (
	"bytes"
	"slices"
	"time"
)

// A Change is one of a key.
type Change struct {
	Kind      ChangeKind
	Issuer    string
	KID       string
	Algorithm string
	Active    time.Time // from when the key signs
	At        time.Time // when it came about; zero: just now
	Own       bool      // this ring made the change, as no other did; else it met it in the store
}

// A ChangeKind says in one word what was changed.
type ChangeKind string

// The kinds of changes. The clock activates and retires keys; the first ring
// that runs then says so, for all.
const (
	ChangeAnnounced ChangeKind = "announced" // the key was made
	ChangeImported  ChangeKind = "imported"  // it came from elsewhere, by [Secrets.Import]
	ChangeActivated ChangeKind = "activated" // it signs
	ChangeRetired   ChangeKind = "retired"   // it signs no more
	ChangeAdvanced  ChangeKind = "advanced"  // it signs earlier than announced
	ChangeRevoked   ChangeKind = "revoked"
	ChangeRewrapped ChangeKind = "rewrapped" // it is sealed anew
	ChangeRemoved   ChangeKind = "removed"   // it is gone
)

// An Observer is told what a [Ring] does, for metrics. It is called by many
// goroutines at once, on the way of each token, so it has to return at once.
type Observer interface {
	// Signed is called for each token that was signed.
	Signed(kid string)
	// Verified is called for each token that was looked at. The kid is "" if no
	// key of the set has the one of the token: whatever callers send, there are
	// as few kids as keys.
	Verified(kid string, err error)
	// Changed is called for each change of a key that the ring makes or meets.
	Changed(c Change)
}

// nobody is the Observer of a Config without one.
type nobody struct{}

func (nobody) Signed(string)          {}
func (nobody) Verified(string, error) {}
func (nobody) Changed(Change)         {}

// changesBetween returns how after differs from before. Made is what a new key is
// told as if this process wrote after, and "" if it did not.
func changesBetween(before, after []Key, made ChangeKind) (changes []Change) {
	own := true
	if made == "" {
		made, own = ChangeAnnounced, false
	}
	add := func(kind ChangeKind, k *Key, at time.Time) {
		changes = append(changes, Change{Kind: kind, KID: k.KID, Algorithm: k.Algorithm, Active: k.Active, At: at, Own: own})
	}
	for i := range after {
		k := &after[i]
		old := keyIn(before, k.KID)
		switch {
		case old == nil:
			add(made, k, k.Announced)
		case k.revoked() && !old.revoked():
			add(ChangeRevoked, k, time.Time{})
		case k.Active.Before(old.Active):
			add(ChangeAdvanced, k, k.begun())
		case !bytes.Equal(k.Sealed, old.Sealed):
			add(ChangeRewrapped, k, time.Time{})
		}
		if k.came(Active, old) {
			add(ChangeActivated, k, k.Active)
		}
		if k.came(Retired, old) {
			add(ChangeRetired, k, k.Retired)
		}
	}
	for i := range before {
		if k := &before[i]; keyIn(after, k.KID) == nil {
			add(ChangeRemoved, k, time.Time{})
		}
	}
	return changes
}

// came reports whether the clock has brought the key to a state since it was old,
// nil for a new key. A row of a version that told nothing has told all.
func (k *Key) came(to State, old *Key) bool {
	switch {
	case k.revoked() || to.after(k.Told):
		return false
	case old == nil:
		return true
	}
	return old.Told != "" && to.after(old.Told)
}

// begun returns from when the key signs if it does, and else the zero time.
func (k *Key) begun() time.Time {
	if Active.after(k.Told) {
		return time.Time{}
	}
	return k.Active
}

// keyIn returns the key that kid names, or nil.
func keyIn(keys []Key, kid string) *Key {
	if i := slices.IndexFunc(keys, func(k Key) bool { return k.KID == kid }); i >= 0 {
		return &keys[i]
	}
	return nil
}
