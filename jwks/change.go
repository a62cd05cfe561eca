package jwks

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"time"
)

// A Change is one that was made to a key's row. What the clock does to a key by
// itself is known from its announcement and is none.
type Change struct {
	Kind      ChangeKind
	Issuer    string
	KID       string
	Algorithm string
	Active    time.Time // from when the key signs
	Own       bool      // this ring made the change; else it met it in the store
}

// A ChangeKind says in one word what was changed.
type ChangeKind string

// The kinds of changes.
const (
	ChangeAnnounced ChangeKind = "announced" // the key was made
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

// report tells the log and the observer how after differs from before.
func report(log *slog.Logger, o Observer, issuer string, before, after []Key, own bool) {
	for _, c := range changesBetween(before, after) {
		c.Issuer, c.Own = issuer, own
		o.Changed(c)
		level := slog.LevelInfo
		if c.Kind == ChangeRevoked || c.Kind == ChangeAdvanced {
			level = slog.LevelWarn
		}
		log.Log(context.Background(), level, "key "+string(c.Kind),
			"kid", c.KID, "algorithm", c.Algorithm, "active", c.Active, "own", own)
	}
}

func changesBetween(before, after []Key) (changes []Change) {
	find := func(keys []Key, kid string) *Key {
		i := slices.IndexFunc(keys, func(k Key) bool { return k.KID == kid })
		if i < 0 {
			return nil
		}
		return &keys[i]
	}
	add := func(kind ChangeKind, k *Key) {
		changes = append(changes, Change{Kind: kind, KID: k.KID, Algorithm: k.Algorithm, Active: k.Active})
	}
	for i := range after {
		k := &after[i]
		old := find(before, k.KID)
		switch {
		case old == nil:
			add(ChangeAnnounced, k)
		case k.revoked() && !old.revoked():
			add(ChangeRevoked, k)
		case k.Active.Before(old.Active):
			add(ChangeAdvanced, k)
		case !bytes.Equal(k.Sealed, old.Sealed):
			add(ChangeRewrapped, k)
		}
	}
	for i := range before {
		if k := &before[i]; find(after, k.KID) == nil {
			add(ChangeRemoved, k)
		}
	}
	return changes
}
