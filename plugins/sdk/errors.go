package sdk

import (
	"errors"
	"fmt"
	"time"
)

// The three ways in which a plugin does not return an identity.
var (
	ErrUnknown     = errors.New("unknown principal")
	ErrDenied      = errors.New("denied")
	ErrUnavailable = errors.New("unavailable")
)

// Reason says why a known principal was denied.
type Reason string

// The reasons for a denial. All but Invalid say that the principal may not
// log in whatever it offers.
const (
	Invalid    Reason = "invalid"     // the proof is wrong
	Locked     Reason = "locked"      // too many failures, or by an operator
	Disabled   Reason = "disabled"    // switched off
	Expired    Reason = "expired"     // the account or the credential has ended
	MustChange Reason = "must_change" // the password must be changed first
)

// DeniedError is an error that wraps ErrDenied.
type DeniedError struct {
	Reason     Reason
	RetryAfter time.Duration // when trying again makes sense; 0 where unknown
}

// Denied returns a DeniedError for a reason.
func Denied(reason Reason) error { return &DeniedError{Reason: reason} }

func (e *DeniedError) Error() string { return fmt.Sprintf("%v: %s", ErrDenied, e.Reason) }
func (e *DeniedError) Unwrap() error { return ErrDenied }

// UnavailableError is an error that wraps ErrUnavailable and its cause.
type UnavailableError struct {
	Err        error         // the cause, for the log; never shown to a caller
	RetryAfter time.Duration // when trying again makes sense; 0 where unknown
}

// Unavailable returns an UnavailableError for a cause.
func Unavailable(cause error) error { return &UnavailableError{Err: cause} }

func (e *UnavailableError) Error() string   { return fmt.Sprintf("%v: %v", ErrUnavailable, e.Err) }
func (e *UnavailableError) Unwrap() []error { return []error{ErrUnavailable, e.Err} }
