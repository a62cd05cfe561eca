// Package audit owns the event: what is known of one request, from the moment
// it arrives to the line that is logged of it.
//
// The HTTP layer begins an event and ends it; whoever learns something of the
// request on the way writes it into the event that the context carries. The
// fields are fixed, so no secret has a place to stand in.
package audit

import (
	"context"
	"log/slog"
	"time"
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
	Reused      Outcome = "reused"      // a spent refresh token came back: its session was ended
	Unavailable Outcome = "unavailable" // something that is needed to answer is down
	Internal    Outcome = "internal"    // a fault of ours
)

// Event is one request. A zero field was not learnt.
type Event struct {
	Time      time.Time
	RequestID string
	Issuer    string
	Route     string // the endpoint's name: token, jwks, metadata …
	Remote    string
	UserAgent string

	Client   string // the client's id, once it is known to exist
	Grant    string
	Plugin   string // who answered for the credential
	Subject  string
	Username string // as typed; a person's name, never a secret
	Session  string
	TokenID  string // the jti of the token that was issued

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

// Log writes events as structured lines.
type Log struct {
	logger *slog.Logger
}

// NewLog returns a Log that writes to logger.
func NewLog(logger *slog.Logger) *Log { return &Log{logger: logger} }

// Write writes the event that took d: a fault of ours as an error, what an
// outage or a thief causes as a warning, a request that nobody authenticates
// for and that went well as debugging, all else as information.
func (l *Log) Write(ctx context.Context, e *Event, d time.Duration) {
	level := e.level()
	if !l.logger.Enabled(ctx, level) {
		return
	}
	attrs := make([]slog.Attr, 0, 18)
	add := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	add("request_id", e.RequestID)
	add("issuer", e.Issuer)
	add("route", e.Route)
	add("outcome", string(e.Outcome))
	add("reason", e.Reason)
	add("client", e.Client)
	add("grant", e.Grant)
	add("plugin", e.Plugin)
	add("subject", e.Subject)
	add("username", e.Username)
	add("session", e.Session)
	add("jti", e.TokenID)
	add("remote", e.Remote)
	add("user_agent", e.UserAgent)
	attrs = append(attrs, slog.Int("status", e.Status), slog.Float64("ms", float64(d.Microseconds())/1000))
	if e.Err != nil {
		attrs = append(attrs, slog.String("error", e.Err.Error()))
	}
	l.logger.LogAttrs(ctx, level, "request", attrs...)
}

func (e *Event) level() slog.Level {
	switch e.Outcome {
	case Internal:
		return slog.LevelError
	case Unavailable, Reused:
		return slog.LevelWarn
	case OK:
		if e.Client == "" {
			return slog.LevelDebug
		}
	}
	return slog.LevelInfo
}
