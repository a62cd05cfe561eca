package oauth

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/claimsmith/claimsmith/storage"
)

// outages are Sessions that remember when storage last gave no answer. A commit whose
// answer is lost may have been done: the refresh token is spent then, and its caller,
// who heard that the server is unavailable or nothing at all, holds nothing else. So a
// rotation is given up while its grace period lasts, and the grace period of a token
// that was spent during an outage begins at the end of it.
type outages struct {
	Sessions
	grace time.Duration

	down atomic.Bool
	mu   sync.Mutex
	// since and until bound the last outage; until means nothing while it lasts.
	since, until time.Time
}

// shortestRotation is what a call is given however short the grace period is.
const shortestRotation = time.Second

// patient returns a context for one call, which ends with the deadline of ctx or after
// half of the grace period: that leaves the other half to ask again, of whichever
// replica. A caller who hangs up before does not end it: whether storage answers is
// worth knowing.
func (o *outages) patient(ctx context.Context) (context.Context, context.CancelFunc) {
	end := time.Now().Add(max(o.grace/2, shortestRotation))
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(end) {
		end = deadline
	}
	return context.WithDeadline(context.WithoutCancel(ctx), end)
}

// RotateRefreshToken implements Sessions. It does nothing for a caller who has hung up
// already.
func (o *outages) RotateRefreshToken(ctx context.Context, issuer, hash string, next storage.RefreshToken, s storage.Session, now time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx, cancel := o.patient(ctx)
	defer cancel()
	err := o.Sessions.RotateRefreshToken(ctx, issuer, hash, next, s, now)
	o.note(now, err)
	return err
}

// RefreshToken implements Sessions.
func (o *outages) RefreshToken(ctx context.Context, issuer, hash string) (storage.RefreshToken, storage.Session, error) {
	ctx, cancel := o.patient(ctx)
	defer cancel()
	began := time.Now()
	token, session, err := o.Sessions.RefreshToken(ctx, issuer, hash)
	o.note(began, err)
	return token, session, err
}

// note takes notice of a call's error.
func (o *outages) note(began time.Time, err error) {
	lost := errors.Is(err, storage.ErrUnavailable)
	if !lost && !o.down.Load() {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	switch down := o.down.Load(); {
	case lost:
		// Within a grace period it is the same outage: some connections work, or
		// some calls come through.
		if o.since.IsZero() || began.Before(o.since) || !down && began.After(o.until.Add(o.grace)) {
			o.since = began
		}
		o.down.Store(true)
	case down:
		o.until = time.Now()
		o.down.Store(false)
	}
}

// answerable returns when the caller who spent a refresh token could hear of it. Another
// replica may have noticed the outage a little before this one.
func (o *outages) answerable(spent time.Time) time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since.IsZero() || spent.Before(o.since.Add(-o.grace)) || spent.After(o.until) {
		return spent
	}
	return o.until
}
