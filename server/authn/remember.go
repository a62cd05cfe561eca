package authn

import (
	"context"
	"time"
)

// How long what is remembered.
const (
	knownDay = 24 * time.Hour   // a pair that logged in, in memory
	askedFor = 10 * time.Second // that storage does not know a pair

	freshQueue = 1024
	freshBatch = 256
	freshPause = 100 * time.Millisecond // in which others join a batch
	agingEvery = 5 * time.Second

	storePatience = time.Second     // of one statement
	storePause    = 2 * time.Second // after one that failed
)

// KnownFor is how long storage remembers that somebody logged in from an address.
const KnownFor = 30 * 24 * time.Hour

// failed counts a failure: here at once, then in storage.
func (t *Throttle) failed(ctx context.Context, a *attempt, granted turn) {
	now := time.Now()
	if granted.slot != nil {
		granted.slot.failed()
	}
	scopes := a.scopes(granted.known)
	for _, s := range scopes {
		t.suspects.add(a.hash(t.seed, s, t.limits.Organisations), t.rule(a, s), now)
	}
	t.ask(ctx, func(ctx context.Context) error {
		counts := make([]Count, len(scopes))
		for i, s := range scopes {
			r := t.rule(a, s)
			counts[i] = Count{a.key(t.secret, s, t.limits.Organisations), r.window, r.leak}
		}
		failures, err := t.store.CountFailures(ctx, now, counts)
		for i, s := range scopes {
			if n, ok := failures[counts[i].Key]; ok {
				t.suspects.set(a.hash(t.seed, s, t.limits.Organisations), n)
			}
		}
		return err
	})
}

// succeeded remembers where a person logged in, and forgets the failures before.
func (t *Throttle) succeeded(ctx context.Context, a *attempt, granted turn) {
	if granted.slot != nil {
		granted.slot.succeeded()
	}
	forgiven := [...]scope{friends, pair}
	if !granted.known {
		forgiven[0] = strangers
		t.known.add(a.hash(t.seed, pair, t.limits.Organisations), time.Now())
		select {
		case t.fresh <- a.key(t.secret, pair, t.limits.Organisations):
		default: // the next success of a new day will do
		}
	}
	if a.name == "" {
		return
	}
	var keys []string
	for _, s := range forgiven {
		hash := a.hash(t.seed, s, t.limits.Organisations)
		if _, ok := t.suspects.get(hash); ok && t.suspects.forget(hash) {
			keys = append(keys, a.key(t.secret, s, t.limits.Organisations))
		}
	}
	if keys != nil {
		t.ask(ctx, func(ctx context.Context) error { return t.store.ForgetFailures(ctx, keys) })
	}
}

// isKnown asks storage whether the person has logged in from the address, on
// any replica.
func (t *Throttle) isKnown(ctx context.Context, a *attempt, own uint64, now time.Time) (known bool) {
	if t.asked.has(own, now) {
		return false
	}
	t.ask(ctx, func(ctx context.Context) (err error) {
		known, err = t.store.Known(ctx, a.key(t.secret, pair, t.limits.Organisations), now.Add(-KnownFor))
		if err == nil && !known {
			t.asked.add(own, now)
		}
		return err
	})
	if known {
		t.known.add(own, now)
	}
	return known
}

// ask calls f, unless storage has failed a moment ago. What it learns goes
// beyond the request, so the end of that does not end it.
func (t *Throttle) ask(ctx context.Context, f func(context.Context) error) {
	if time.Now().UnixMilli() < t.down.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storePatience)
	defer cancel()
	if err := f(ctx); err != nil {
		t.down.Store(time.Now().Add(storePause).UnixMilli())
	}
}

// Run stores who has logged in from where, and forgets what is over, until ctx ends.
func (t *Throttle) Run(ctx context.Context) error {
	age := time.NewTicker(agingEvery)
	defer age.Stop()
	for {
		select {
		case <-ctx.Done():
			t.storeFresh(context.WithoutCancel(ctx), nil)
			return nil
		case key := <-t.fresh:
			select {
			case <-ctx.Done():
			case <-time.After(freshPause):
			}
			t.storeFresh(ctx, []string{key})
		case now := <-age.C:
			t.turns.age()
			t.suspects.age(now)
		}
	}
}

// storeFresh stores keys and all that wait.
func (t *Throttle) storeFresh(ctx context.Context, keys []string) {
	for ; len(t.fresh) > 0 || len(keys) > 0; keys = nil {
		for len(t.fresh) > 0 && len(keys) < freshBatch {
			keys = append(keys, <-t.fresh)
		}
		t.ask(ctx, func(ctx context.Context) error { return t.store.RememberKnown(ctx, time.Now(), keys) })
	}
}
