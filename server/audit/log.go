package audit

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

// Config says where events go.
type Config struct {
	// Lines gets one record for each event.
	Lines slog.Handler
	// Keeper gets each event that Lines gets; nil: they are not kept.
	Keeper *Keeper
	// Required says that what cannot be logged must not happen.
	Required bool
	// Log is told when no event can be written any more, and when one can again.
	// Nil: nobody is.
	Log *slog.Logger
}

// Log takes events.
type Log struct {
	Config
	failure atomic.Pointer[error] // of the last write; nil after a good one
}

// New returns a Log.
func New(c Config) *Log { return &Log{Config: c} }

// Failure returns why the last event could not be written, or nil.
func (l *Log) Failure() error {
	if err := l.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// Ready returns why no event can be written, or nil. After a failure it tries
// again: who is not ready gets no requests, whose events would show that the
// log is back.
func (l *Log) Ready(ctx context.Context) error {
	if l.failure.Load() == nil {
		return nil
	}
	return l.handle(ctx, slog.NewRecord(time.Now(), slog.LevelInfo, "events can be written again", 0))
}

// Refuses reports whether nothing that must be logged may happen now: the log
// is required, and the last event could not be written.
func (l *Log) Refuses() bool { return l.Required && l.failure.Load() != nil }

// Wants reports whether Write would do anything with an event that ends so.
func (l *Log) Wants(ctx context.Context, e *Event) bool {
	level := e.level()
	return l.keeps(level) || l.Lines.Enabled(ctx, level)
}

func (l *Log) keeps(level slog.Level) bool { return level >= slog.LevelInfo && l.Keeper != nil }

// Write writes the event that took d: a fault of ours as an error, what an
// outage or a thief causes as a warning, a request that nobody authenticates
// for and that went well as debugging, all else as information.
func (l *Log) Write(ctx context.Context, e *Event, d time.Duration) error {
	level := e.level()
	if l.keeps(level) {
		l.Keeper.keep(e.record(d))
	}
	if !l.Lines.Enabled(ctx, level) {
		return nil
	}
	r := slog.NewRecord(time.Now(), level, e.message(), 0)
	e.attributes(&r, d)
	return l.handle(ctx, r)
}

// handle writes a record, and remembers whether that failed.
func (l *Log) handle(ctx context.Context, r slog.Record) error {
	if err := l.Lines.Handle(ctx, r); err != nil {
		err = fmt.Errorf("write event: %w", err)
		if l.failure.Swap(&err) == nil {
			l.tell(ctx, slog.LevelError, "events cannot be written", "error", err, "required", l.Required)
		}
		return err
	}
	if l.failure.Load() != nil && l.failure.Swap(nil) != nil {
		l.tell(ctx, slog.LevelInfo, "events can be written again")
	}
	return nil
}

// tell tells operators once of a change that every request would notice.
func (l *Log) tell(ctx context.Context, level slog.Level, message string, args ...any) {
	if l.Log != nil {
		l.Log.Log(ctx, level, message, args...)
	}
}

// attributes adds what is known to a record, at once: added one by one they
// would be moved again and again.
func (e *Event) attributes(r *slog.Record, d time.Duration) {
	attrs := make([]slog.Attr, 0, 18)
	for _, a := range [...]struct{ key, value string }{
		{"request_id", e.RequestID},
		{"trace_id", e.TraceID},
		{"issuer", e.Issuer},
		{"route", e.Route},
		{"outcome", string(e.Outcome)},
		{"reason", e.Reason},
		{"client", e.Client},
		{"grant", e.Grant},
		{"plugin", e.Plugin},
		{"subject", e.Subject},
		{"username", e.Username},
		{"session", e.Session},
		{"jti", e.TokenID},
		{"kid", e.KID},
		{"remote", e.remote()},
		{"user_agent", e.UserAgent},
	} {
		if a.value != "" {
			attrs = append(attrs, slog.String(a.key, a.value))
		}
	}
	if e.KID == "" {
		attrs = append(attrs, slog.Int("status", e.Status), slog.Float64("ms", float64(d.Microseconds())/1000))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.String("error", e.Err.Error()))
	}
	r.AddAttrs(attrs...)
}

func (e *Event) message() string {
	if e.KID != "" {
		return "key changed"
	}
	return "request"
}

func (e *Event) level() slog.Level {
	switch e.Outcome {
	case Internal:
		return slog.LevelError
	case Unavailable, Reused:
		return slog.LevelWarn
	case OK:
		if e.Client == "" && e.KID == "" {
			return slog.LevelDebug
		}
	}
	return slog.LevelInfo
}
