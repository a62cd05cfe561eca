package authn

import (
	"context"
	"errors"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// turn is an attempt that was let through.
type turn struct {
	known bool
	slot  *slot // nil where any number may try at once
}

func (t turn) end() {
	if t.slot != nil {
		t.slot.end()
	}
}

// admit lets an attempt through, or returns a *ThrottledError. Where others for
// the same person are being judged and could be the last failures, it waits.
func (t *Throttle) admit(ctx context.Context, a *attempt) (turn, error) {
	now := time.Now()
	own := a.hash(t.seed, pair, t.limits.Organisations)
	granted, err := t.try(a, t.known.has(own, now), now)
	if err == nil || granted.known {
		return t.queued(ctx, a, granted, own, err)
	}
	if !t.isKnown(ctx, a, own, now) {
		return t.queued(ctx, a, granted, own, err)
	}
	granted, err = t.try(a, true, now)
	return t.queued(ctx, a, granted, own, err)
}

// errBusy is that others must be judged first.
var errBusy = errors.New("others for the same person are being judged")

// try lets an attempt through, or returns errBusy or a *ThrottledError.
func (t *Throttle) try(a *attempt, known bool, now time.Time) (turn, error) {
	left := 0
	for i, s := range a.scopes(known) {
		r := t.rule(a, s)
		key := a.hash(t.seed, s, t.limits.Organisations)
		suspect, ok := t.suspects.get(key)
		since := r.window
		if ok {
			since = now.Sub(suspect.last)
			if wait := r.wait(suspect.failures, since); wait > 0 {
				return turn{known: known}, &ThrottledError{wait, s.String()}
			}
		}
		if i == 0 {
			left = r.left(suspect.failures, since)
		}
	}
	if !a.guessable() || a.name == "" {
		return turn{known: known}, nil
	}
	s := strangers
	if known {
		s = friends
	} else {
		left = 1 // replicas tell each other of a failure when it has happened
	}
	granted := turn{known, t.turns.slot(a.hash(t.seed, s, t.limits.Organisations))}
	if !granted.slot.take(left, known) {
		return granted, errBusy
	}
	return granted, nil
}

// queued waits while err is errBusy.
func (t *Throttle) queued(ctx context.Context, a *attempt, granted turn, own uint64, err error) (turn, error) {
	if err != errBusy {
		return granted, err
	}
	for err == errBusy {
		slot, known := granted.slot, granted.known
		waited := slot.await(ctx, func() bool {
			now := time.Now()
			known = known || t.known.has(own, now)
			granted, err = t.try(a, known, now)
			return err != errBusy || granted.slot != slot
		})
		switch {
		case waited == errQueue:
			return turn{}, &ThrottledError{turnPatience, "person"}
		case waited != nil:
			return turn{}, sdk.Unavailable(waited)
		}
	}
	return granted, err
}

// rule returns what holds in a scope for such an attempt.
func (t *Throttle) rule(a *attempt, s scope) rule {
	person := t.limits.Person
	switch {
	case s == address, s == household:
		return leaky(t.limits.Address.Failures, t.limits.Address.Window)
	case s == client:
		return leaky(t.limits.Client.Failures, t.limits.Client.Window)
	case !a.guessable():
		return leaky(secretFactor*person.Failures, person.Window)
	case s == strangers:
		return strict(person.Failures+1, person.Failures, person.Window)
	case s == friends:
		return strict(person.Failures, person.Failures-1, person.Window)
	default:
		return strict(person.Failures, person.Failures/2, person.Window)
	}
}
