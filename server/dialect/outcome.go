package dialect

import (
	"errors"
	"net/http"
	"time"

	"github.com/claimsmith/claimsmith/server/audit"
)

// Outcome says how a request ends, and so which answer it gets.
type Outcome string

// The outcomes that every dialect has. A dialect's refuse rules may name others.
const (
	Success          Outcome = "success"
	Denied           Outcome = "denied"             // wrong credential
	Locked           Outcome = "locked"             // right credential, account locked
	Disabled         Outcome = "disabled"           // account switched off
	Expired          Outcome = "expired"            // account or credential ended
	MustChange       Outcome = "must_change"        // password must be changed first
	NotAllowed       Outcome = "not_allowed"        // the client, or this token, may not ask for this
	Unauthenticated  Outcome = "unauthenticated"    // a follow-up without a valid token
	Malformed        Outcome = "malformed"          // not readable at all
	Invalid          Outcome = "invalid"            // readable, but a field is missing, wrong or unknown
	TooLarge         Outcome = "too_large"          // a body of more than 64 KiB
	NotFound         Outcome = "not_found"          // no such path
	MethodNotAllowed Outcome = "method_not_allowed" // a path, but not this verb
	Throttled        Outcome = "throttled"          // too many attempts
	Unavailable      Outcome = "unavailable"        // something that is needed is down
	Internal         Outcome = "internal"           // a fault of ours

	Failure Outcome = "failure" // no outcome: the answer for those that have none
)

// needed are the outcomes that each dialect must have an answer for.
var needed = []Outcome{Denied, Malformed, Unavailable, Internal}

// insteadOf says whose answer an outcome gets that has none of its own; those
// that a dialect made up get that of Denied. Where there is none either it is
// that of Failure.
var insteadOf = map[Outcome]Outcome{
	Invalid: Malformed, TooLarge: Malformed, NotFound: Malformed, MethodNotAllowed: Malformed,
	Throttled: Unavailable,
	Locked:    Denied, Disabled: Denied, Expired: Denied, MustChange: Denied, NotAllowed: Denied, Unauthenticated: Denied,
}

// outcomes are all that an answer may be for, but Success.
var outcomes = []Outcome{
	Denied, Locked, Disabled, Expired, MustChange, NotAllowed, Unauthenticated,
	Malformed, Invalid, TooLarge, NotFound, MethodNotAllowed, Throttled, Unavailable, Internal, Failure,
}

// statuses are what HTTP has for an outcome; for others it is that of Denied.
var statuses = map[Outcome]int{
	Denied: http.StatusUnauthorized, NotAllowed: http.StatusForbidden, Locked: http.StatusForbidden,
	Malformed: http.StatusBadRequest, Invalid: http.StatusBadRequest, TooLarge: http.StatusRequestEntityTooLarge,
	NotFound: http.StatusNotFound, MethodNotAllowed: http.StatusMethodNotAllowed,
	Throttled: http.StatusTooManyRequests, Unavailable: http.StatusServiceUnavailable, Internal: http.StatusInternalServerError,
}

// messages are the sentences for people, for answers that quote failure.message.
var messages = map[Outcome]string{
	Denied:           "Invalid username or password",
	Locked:           "The account is locked",
	Disabled:         "The account is disabled",
	Expired:          "The account has expired",
	MustChange:       "The password must be changed first",
	NotAllowed:       "Not allowed",
	Unauthenticated:  "Not logged in",
	Malformed:        "The request cannot be read",
	Invalid:          "The request is not valid",
	TooLarge:         "The request is larger than 64 KiB",
	NotFound:         "There is nothing at this path",
	MethodNotAllowed: "This path does not take this method",
	Throttled:        "Too many attempts; try again later",
	Unavailable:      "The service is unavailable; try again later",
	Internal:         "Internal server error",
}

// Refusal is why a request gets no success. A Backend returns it as an error;
// any other error is Internal.
type Refusal struct {
	Outcome    Outcome
	Message    string        // for the caller; "" for the outcome's own
	Fields     []FieldError  // what is wrong with which field, where it is Invalid
	RetryAfter time.Duration // 0 where unknown

	Audit  audit.Outcome // what the event says; "" for what the outcome is to it
	Reason string        // for operators alone
	Err    error         // the cause, for operators alone; may be nil
}

// FieldError says what is wrong with a field, by the name that the caller gave it.
type FieldError struct{ Field, Message string }

func (r *Refusal) Error() string {
	s := string(r.Outcome)
	if r.Message != "" {
		s += ": " + r.Message
	}
	if r.Err != nil {
		s += ": " + r.Err.Error()
	}
	return s
}

func (r *Refusal) Unwrap() error { return r.Err }

// longestCause bounds what an event tells of a message, in bytes.
const longestCause = 200

// record writes the refusal into the event.
func (r *Refusal) record(e *audit.Event) {
	e.Outcome, e.Err = r.Audit, r.Err
	if r.Reason != "" {
		e.Reason = r.Reason
	}
	if e.Outcome == "" {
		e.Outcome = auditOutcome(r.Outcome)
	}
	if e.Err == nil && r.Message != "" {
		e.Err = errors.New(r.Message[:min(len(r.Message), longestCause)]) // it may name what the caller sent
	}
}

func auditOutcome(o Outcome) audit.Outcome {
	switch o {
	case Malformed, Invalid, TooLarge, NotFound, MethodNotAllowed:
		return audit.Malformed
	case NotAllowed:
		return audit.NotAllowed
	case Throttled:
		return audit.Throttled
	case Unavailable:
		return audit.Unavailable
	case Internal:
		return audit.Internal
	}
	return audit.Denied
}
