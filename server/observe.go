package server

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/claimsmith/claimsmith/server/audit"
)

// deadline bounds a request's work: a database or a plugin that hangs is
// answered for with 503 before the caller gives up.
const deadline = 10 * time.Second

// observe makes one event of a request: it begins it, lets the endpoint fill it
// in, and at the end logs, counts and traces it. A panic ends its own request
// only.
func (s *Server) observe(site *mounted, w http.ResponseWriter, r *http.Request) {
	v := &visit{event: audit.Event{Time: time.Now(), RequestID: newRequestID(), Remote: site.caller(r)}}
	event, out := &v.event, &v.answer
	ctx, cancel := context.WithTimeout(audit.NewContext(r.Context(), event), deadline)
	defer cancel()
	ctx, span := s.startSpan(ctx, r, event)
	out.ResponseWriter, out.held = w, s.Audit.Required && !safe(r.Method)
	out.identify(event.RequestID)
	s.metrics.inFlight.Inc()
	defer func() {
		s.rescue(ctx, event, out, recover())
		s.finish(site, r, event, out, span)
	}()
	if out.held && s.Audit.Refuses() {
		event.Outcome, event.Err = audit.Unavailable, s.Audit.Failure()
		site.refuse(out, r, event.Err)
		return
	}
	inner := r.WithContext(ctx)
	inner.Host = strings.ToLower(r.Host) // it has no letter case (RFC 9110 section 4.2.3), and ServeMux compares it as text
	site.endpoint(inner).ServeHTTP(out, inner)
}

// visit is one request as it is observed.
type visit struct {
	event  audit.Event
	answer answer
}

// newRequestID returns 128 random bits in base32. An event is found by them, and
// they prove nothing: they need not come from crypto/rand, which costs more.
func newRequestID() string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	var text [26]byte
	a, b := rand.Uint64(), rand.Uint64()
	for i := range 13 {
		text[i], text[13+i] = alphabet[a&31], alphabet[b&31]
		a, b = a>>5, b>>5
	}
	return string(text[:])
}

// rescue answers for a panic, if there is one.
func (s *Server) rescue(ctx context.Context, event *audit.Event, out *answer, panicked any) {
	if panicked == nil {
		return
	}
	event.Outcome, event.Err = audit.Internal, fmt.Errorf("panic: %v", panicked)
	s.Log.ErrorContext(ctx, "panic in a request", "request_id", event.RequestID, "stack", string(debug.Stack()))
	if out.code == 0 {
		http.Error(out, `{"error":"server_error"}`, http.StatusInternalServerError)
	}
}

// safe reports whether a request changes nothing and proves nobody.
func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// finish writes the event. An answer that is held leaves if that succeeds.
func (s *Server) finish(site *mounted, r *http.Request, event *audit.Event, out *answer, span trace.Span) {
	event.Status = cmp.Or(out.code, http.StatusOK)
	if event.Outcome == "" {
		event.Outcome = outcomeOf(event.Status)
	}
	took := time.Since(event.Time)
	if err := s.write(site, r, event, took); err != nil && out.held {
		site.refuse(out, r, err)
		event.Status, event.Outcome = out.code, audit.Unavailable
	}
	out.release()
	s.metrics.count(event, took)
	endSpan(span, r, event)
}

// write writes the event, if somebody wants it, with what nobody else asks of it.
func (s *Server) write(site *mounted, r *http.Request, event *audit.Event, took time.Duration) error {
	if !s.Audit.Wants(r.Context(), event) {
		return nil
	}
	event.UserAgent = r.UserAgent()
	if !event.Remote.IsValid() {
		event.Remote = site.caller(r) // of a page
	}
	return s.Audit.Write(r.Context(), event, took)
}

// outcomeOf is the outcome of a request whose endpoint did not say.
func outcomeOf(status int) audit.Outcome {
	switch {
	case status < http.StatusBadRequest:
		return audit.OK
	case status < http.StatusInternalServerError:
		return audit.Malformed
	default:
		return audit.Internal
	}
}
