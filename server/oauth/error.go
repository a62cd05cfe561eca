package oauth

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/ory/fosite"

	"github.com/claimsmith/claimsmith/jwks"
	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server/audit"
	"github.com/claimsmith/claimsmith/storage"
)

// Error is a refusal of Exchange. Code, Status and Description are for the
// caller; the rest is for the log, and for dialects whose contract tells more.
type Error struct {
	Code        string // RFC 6749 section 5.2 and its extensions
	Status      int    // of the HTTP answer
	Description string
	RetryAfter  time.Duration // 0 where trying again is not what helps

	Outcome audit.Outcome
	Reason  sdk.Reason // why a known principal was denied; never part of an OAuth answer
	Err     error      // the cause; may be nil
}

func (e *Error) Error() string {
	if e.Err != nil {
		return e.Code + ": " + e.Description + ": " + e.Err.Error()
	}
	return e.Code + ": " + e.Description
}

func (e *Error) Unwrap() error { return e.Err }

// cause is why, for the log: what the caller is told where nothing more is known.
func (e *Error) cause() error {
	if e.Err != nil {
		return e.Err
	}
	return errors.New(e.Description)
}

func refuse(status int, code string, outcome audit.Outcome, description string) *Error {
	return &Error{Status: status, Code: code, Outcome: outcome, Description: description}
}

func invalidRequest(description string) *Error {
	return refuse(http.StatusBadRequest, "invalid_request", audit.Malformed, description)
}

func unsupportedGrant() *Error {
	return refuse(http.StatusBadRequest, "unsupported_grant_type", audit.Malformed, "this server has no such grant type; grant_types_supported of its metadata lists those it has")
}

func invalidClient(cause error) *Error {
	e := refuse(http.StatusUnauthorized, "invalid_client", audit.Denied, "client authentication failed")
	e.Err = cause
	return e
}

func invalidScope(description string) *Error {
	return refuse(http.StatusBadRequest, "invalid_scope", audit.NotAllowed, description)
}

// invalidGrant is the one answer to an unknown principal, a wrong proof and a
// principal that may not log in.
func invalidGrant(description string, cause error) *Error {
	e := refuse(http.StatusBadRequest, "invalid_grant", audit.Denied, description)
	e.Err = cause
	if denied, ok := errors.AsType[*sdk.DeniedError](cause); ok {
		e.Reason = denied.Reason
	}
	return e
}

// unavailable is the answer when something that is needed is down. Asking again
// makes sense, so it always carries a Retry-After.
func unavailable(cause error) *Error {
	e := refuse(http.StatusServiceUnavailable, "temporarily_unavailable", audit.Unavailable, "the server cannot answer at the moment; try again")
	e.Err = cause
	e.RetryAfter = time.Second
	if u, ok := errors.AsType[*sdk.UnavailableError](cause); ok && u.RetryAfter > 0 {
		e.RetryAfter = u.RetryAfter
	}
	return e
}

func internal(cause error) *Error {
	e := refuse(http.StatusInternalServerError, "server_error", audit.Internal, "the server met an unexpected condition")
	e.Err = cause
	return e
}

// denied translates what the chain answers instead of an identity.
func denied(err error) *Error {
	if t, ok := errors.AsType[throttledError](err); ok {
		return slowDown(t.Throttled(), err)
	}
	if unclear(err) {
		return unavailable(err)
	}
	return invalidGrant("the credential is not valid", err)
}

// unclear reports whether an error of a chain is no judgement: what one plugin has
// refused counts for nothing while another that is asked before it is down.
func unclear(err error) bool {
	return errors.Is(err, sdk.ErrUnavailable) || !errors.Is(err, sdk.ErrUnknown) && !errors.Is(err, sdk.ErrDenied)
}

// fromStorage translates an error of storage that is not an answer. A caller
// who went away is no fault of ours.
func fromStorage(err error) *Error {
	if errors.Is(err, storage.ErrUnavailable) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return unavailable(err)
	}
	return internal(err)
}

// asError returns err as an Error. What fosite itself refuses keeps its code.
// Storage, and keys that are held outside, may be out of reach for a while.
func asError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if f, ok := errors.AsType[*fosite.RFC6749Error](err); ok && f.CodeField < http.StatusInternalServerError {
		e := refuse(f.CodeField, f.ErrorField, audit.Malformed, f.DescriptionField)
		e.Err = err
		return e
	}
	if errors.Is(err, jwks.ErrSigner) {
		return unavailable(err)
	}
	return fromStorage(err)
}
