package sdk

import (
	"errors"
	"strings"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk/internal/pluginpb"
)

const (
	maxDetail     = 2 << 10        // bytes of a failure's detail
	maxRetryAfter = 24 * time.Hour // what a plugin may ask for
)

// failureToWire classifies an error of an author. An error that is several
// things at once is the most careful of them: unavailable before denied before
// unknown. The secret of the credential is taken out of the detail.
func failureToWire(err error, secret string) *pluginpb.Outcome {
	f := &pluginpb.Failure{Kind: pluginpb.Failure_UNAVAILABLE}
	switch {
	case errors.Is(err, ErrUnavailable):
		f.Detail = clean(err.Error(), secret)
		if e, ok := errors.AsType[*UnavailableError](err); ok {
			f.Detail = clean(errorText(e.Err), secret)
			f.RetryAfterMs = e.RetryAfter.Milliseconds()
		}
	case errors.Is(err, ErrDenied):
		f.Kind, f.Reason = pluginpb.Failure_DENIED, string(Invalid)
		if e, ok := errors.AsType[*DeniedError](err); ok {
			f.Reason, f.RetryAfterMs = string(e.Reason), e.RetryAfter.Milliseconds()
		}
	case errors.Is(err, ErrUnknown):
		f.Kind = pluginpb.Failure_UNKNOWN
	default:
		f.Detail = clean(err.Error(), secret)
	}
	return &pluginpb.Outcome{Result: &pluginpb.Outcome_Failure{Failure: f}}
}

func failureFromWire(f *pluginpb.Failure, secret string) error {
	after := min(max(time.Duration(f.GetRetryAfterMs()), 0), maxRetryAfter/time.Millisecond) * time.Millisecond
	switch f.GetKind() {
	case pluginpb.Failure_UNKNOWN:
		return ErrUnknown
	case pluginpb.Failure_DENIED:
		return &DeniedError{Reason: reasonFromWire(f.GetReason()), RetryAfter: after}
	default:
		return &UnavailableError{Err: errors.New(clean(f.GetDetail(), secret)), RetryAfter: after}
	}
}

// reasonFromWire reads a reason that a newer plugin may know and we do not as Invalid.
func reasonFromWire(s string) Reason {
	switch r := Reason(s); r {
	case Locked, Disabled, Expired, MustChange:
		return r
	default:
		return Invalid
	}
}

// clean makes text that came with a credential fit for a log.
func clean(text, secret string) string {
	if len(secret) > 3 { // a shorter one is found in every other word
		text = strings.ReplaceAll(text, secret, redacted)
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) > maxDetail {
		text = strings.ToValidUTF8(text[:maxDetail], "") + "…"
	}
	return text
}

func errorText(err error) string {
	if err == nil {
		return "no cause given"
	}
	return err.Error()
}
