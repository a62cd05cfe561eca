package audit

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/claimsmith/claimsmith/storage"
)

// Outcome says in one word how a request ended.
type Outcome string

// The outcomes. All but OK and Replayed are refusals.
const (
	OK          Outcome = "ok"
	Replayed    Outcome = "replayed"    // a refresh token used again within its grace period
	Malformed   Outcome = "malformed"   // the request broke the protocol
	NotAllowed  Outcome = "not_allowed" // the client may not ask for this
	Denied      Outcome = "denied"      // the credential does not prove an identity
	Throttled   Outcome = "throttled"   // too many failures before: the credential was not looked at
	Reused      Outcome = "reused"      // a spent refresh token came back: its session was ended
	Unavailable Outcome = "unavailable" // something that is needed to answer is down
	Internal    Outcome = "internal"    // a fault of ours
)

// Outcomes are all of them.
var Outcomes = []Outcome{OK, Replayed, Malformed, NotAllowed, Denied, Throttled, Reused, Unavailable, Internal}

// Known reports whether o is one of them.
func (o Outcome) Known() bool { return slices.Contains(Outcomes, o) }

// Event is one request, or one change of a key. A zero field was not learnt.
type Event struct {
	Time      time.Time
	RequestID string
	TraceID   string // of W3C Trace Context, where the caller or we trace
	Issuer    string
	Route     string // the endpoint's name: token, jwks, metadata …
	Remote    netip.Addr
	UserAgent string

	Client   string // the client's id, once it is known to exist
	Grant    string
	Plugin   string // who answered for the credential
	Subject  string
	Username string // as typed; a person's name, never a secret
	Session  string
	TokenID  string // the jti of the token that was issued
	KID      string // the key that was changed; Reason says how

	Status  int
	Outcome Outcome
	Reason  string // the finer reason, for operators alone
	Err     error  // the cause of a refusal, for operators alone
}

type contextKey struct{}

// NewContext returns a context that carries the event.
func NewContext(ctx context.Context, e *Event) context.Context {
	return context.WithValue(ctx, contextKey{}, e)
}

// FromContext returns the event of ctx, or a new one that nobody reads. An
// event belongs to the goroutine that serves the request.
func FromContext(ctx context.Context) *Event {
	if e, ok := ctx.Value(contextKey{}).(*Event); ok {
		return e
	}
	return new(Event)
}

// remote is the address as text, "" where it was not learnt.
func (e *Event) remote() string {
	if !e.Remote.IsValid() {
		return ""
	}
	return e.Remote.String()
}

// record is the event as it is kept, having taken d.
func (e *Event) record(d time.Duration) storage.Event {
	r := storage.Event{
		Time: e.Time, RequestID: e.RequestID, TraceID: e.TraceID, Issuer: e.Issuer, Route: e.Route,
		Outcome: string(e.Outcome), Reason: e.Reason, Client: e.Client, Grant: e.Grant, Plugin: e.Plugin,
		Subject: e.Subject, Username: e.Username, Session: e.Session, TokenID: e.TokenID, KID: e.KID, Remote: e.remote(),
		UserAgent: e.UserAgent, Status: e.Status, Duration: d,
	}
	if e.Err != nil {
		r.Error = e.Err.Error()
	}
	return r
}
