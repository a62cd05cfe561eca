package authn

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server/audit"
)

// Store is where replicas share what a Throttle must remember.
type Store interface {
	// CountFailures adds a failure to each key and returns how many there are.
	CountFailures(ctx context.Context, now time.Time, counts []Count) (map[string]int, error)
	// ForgetFailures removes the failures of keys.
	ForgetFailures(ctx context.Context, keys []string) error
	// RememberKnown stores that keys are known.
	RememberKnown(ctx context.Context, now time.Time, keys []string) error
	// Known returns whether a key is known since a time.
	Known(ctx context.Context, key string, since time.Time) (bool, error)
}

// Count is how the failures of a key are counted: all are forgotten when the
// window has passed without one, and one for each leak, where that is not 0.
type Count struct {
	Key          string
	Window, Leak time.Duration
}

// ThrottledError is that a credential was not looked at because of the
// failures before it.
type ThrottledError struct {
	Wait time.Duration // until another attempt is looked at
	By   string        // person, address or client: whose failures they are
}

func (e *ThrottledError) Error() string {
	return fmt.Sprintf("throttled by %s for %v", e.By, e.Wait.Round(time.Millisecond))
}

// Throttled returns how long to wait.
func (e *ThrottledError) Throttled() time.Duration { return e.Wait }

// Throttle slows down who guesses: by person, by address and by client, on
// every replica alike. It refuses for a time and locks nothing: an address from
// which a person has logged in before is judged by its own failures alone, so
// that nobody elsewhere can keep the person out.
//
// A failure costs one statement in storage; a success none, but those that forget
// failures before it, and one a day for a person and an address. While storage is down each replica goes by what it has
// seen itself.
type Throttle struct {
	limits Limits
	*memory
}

// memory is what a Throttle remembers, whatever its limits.
type memory struct {
	store  Store
	secret []byte
	seed   maphash.Seed

	suspects suspects
	turns    turns
	known    *recent // pairs that have logged in
	asked    *recent // pairs that storage does not know either
	fresh    chan string
	down     atomic.Int64 // until when storage is left alone; unix ms
}

// NewThrottle returns a Throttle. The secret hides in storage who is meant; it is
// the same on every replica.
func NewThrottle(l Limits, store Store, secret []byte) *Throttle {
	return &Throttle{l.withDefaults(), &memory{
		store: store, secret: secret, seed: maphash.MakeSeed(),
		known: newRecent(knownDay), asked: newRecent(askedFor), fresh: make(chan string, freshQueue),
	}}
}

// With returns a Throttle with other limits that shares all that t remembers.
func (t *Throttle) With(l Limits) *Throttle { return &Throttle{l.withDefaults(), t.memory} }

// Suspects returns how many people, addresses and clients have failed lately.
func (t *Throttle) Suspects() int { return t.suspects.len() }

// Around returns next with the throttle before it. Errors that wrap sdk.ErrUnknown
// and sdk.ErrDenied count as failures alike, so an unknown person is throttled as
// one who exists. A *ThrottledError is the answer where next was not asked.
func (t *Throttle) Around(issuer string, next sdk.Authenticator) sdk.Authenticator {
	return &throttled{t, issuer, next}
}

type throttled struct {
	*Throttle
	issuer string
	next   sdk.Authenticator
}

// Authenticate implements sdk.Authenticator.
func (t *throttled) Authenticate(ctx context.Context, r sdk.Request) (sdk.Identity, error) {
	a := newAttempt(t.issuer, r)
	turn, err := t.admit(ctx, &a)
	if err != nil {
		return sdk.Identity{}, err
	}
	defer turn.end()
	// A directory counts what it has seen, whether the caller waits for the answer or not.
	judging, cancel := uncancelled(ctx)
	defer cancel()
	id, err := t.next.Authenticate(judging, r)
	switch {
	case err == nil:
		t.succeeded(ctx, &a, turn)
	case errors.Is(err, sdk.ErrDenied), errors.Is(err, sdk.ErrUnknown) && !errors.Is(err, sdk.ErrUnavailable):
		t.failed(ctx, &a, turn)
	}
	return id, err
}

// uncancelled returns ctx with its deadline alone.
func uncancelled(ctx context.Context) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		return context.WithDeadline(context.WithoutCancel(ctx), deadline)
	}
	return context.WithoutCancel(ctx), func() {}
}

// Secrets is the throttle before the secrets of an issuer's clients.
type Secrets struct {
	throttle *Throttle
	issuer   string
}

// Secrets returns the throttle for the clients of an issuer.
func (t *Throttle) Secrets(issuer string) *Secrets { return &Secrets{t, issuer} }

// Judge calls judge, which returns nil where the secret that a client offers is
// right and an error that wraps sdk.ErrDenied where it is wrong; any other error is
// no judgement, and counts for nothing. If the client or its address failed too
// often before, Judge calls nobody and returns how long to wait. Where the client
// calls from is in the event of ctx.
func (s *Secrets) Judge(ctx context.Context, client string, judge func() error) (wait time.Duration) {
	a := attempt{kind: clientSecret, issuer: s.issuer, name: client, client: client}
	a.address = block(audit.FromContext(ctx).Remote)
	turn, err := s.throttle.admit(ctx, &a)
	if refused, ok := errors.AsType[*ThrottledError](err); ok {
		return refused.Wait
	}
	switch err := judge(); {
	case err == nil:
		s.throttle.succeeded(ctx, &a, turn)
	case errors.Is(err, sdk.ErrDenied):
		s.throttle.failed(ctx, &a, turn)
	}
	return 0
}
