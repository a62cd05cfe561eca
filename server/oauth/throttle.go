package oauth

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server/audit"
	"github.com/claimsmith/claimsmith/storage"
)

// Throttle slows down who guesses the secrets of clients; authn.Secrets is one.
type Throttle interface {
	// Judge calls judge, which returns nil where what the client offers is right,
	// an error that wraps sdk.ErrDenied where it is wrong, and any other where that
	// cannot be told. If there were too many failures before, it calls nobody and
	// returns how long to wait.
	Judge(ctx context.Context, client string, judge func() error) (wait time.Duration)
}

// throttledError is what a chain answers that did not look at the credential.
type throttledError interface {
	error
	Throttled() (wait time.Duration)
}

// slowDown is the answer to one who fails too often. Of the codes that are
// registered for the token endpoint slow_down (RFC 8628 section 3.5) is the one
// that asks for patience; temporarily_unavailable says that the fault is ours.
func slowDown(wait time.Duration, cause error) *Error {
	e := refuse(http.StatusTooManyRequests, "slow_down", audit.Throttled, "too many attempts have failed; try again later")
	e.RetryAfter = wait
	e.Err = cause
	return e
}

// throttleClient is prove, which authenticates a client, behind the throttle.
func (p *Provider) throttleClient(ctx context.Context, c ClientCredential, prove func(context.Context, ClientCredential) (*storage.Client, error)) (client *storage.Client, err error) {
	if p.Throttle == nil || c.Secret == "" && c.Assertion == "" {
		return prove(ctx, c)
	}
	wait := p.Throttle.Judge(ctx, c.ID, func() error {
		client, err = prove(ctx, c)
		if refused, ok := errors.AsType[*Error](err); ok && refused.Outcome == audit.Denied {
			return sdk.ErrDenied
		}
		return err
	})
	if wait > 0 {
		return nil, slowDown(wait, errors.New("throttled: the client's secret was wrong too often"))
	}
	return client, err
}
