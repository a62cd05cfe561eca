package server

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
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
	v := &visit{event: site.event(r)}
	ctx, cancel := context.WithTimeout(audit.NewContext(r.Context(), &v.event), deadline)
	defer cancel()
	ctx, span := s.startSpan(ctx, r, &v.event)
	v.answer.ResponseWriter, v.answer.held = w, s.Audit.Required && !safe(r.Method)
	v.identify(w.Header())
	s.metrics.inFlight.Inc()
	defer func() {
		s.rescue(ctx, v, recover())
		s.finish(site, r, v, span)
	}()
	if v.answer.held && s.Audit.Refuses() {
		v.event.Outcome, v.event.Err = audit.Unavailable, s.Audit.Failure()
		site.refuse(&v.answer, r, v.event.Err)
		return
	}
	inner := r.WithContext(ctx)
	inner.Host = strings.ToLower(r.Host) // it has no letter case (RFC 9110 section 4.2.3), and ServeMux compares it as text
	site.endpoint(inner).ServeHTTP(&v.answer, inner)
}

// visit is one request as it is observed.
type visit struct {
	event  audit.Event
	answer answer
	id     [1]string // a header's value
}

// event begins the event of a request.
func (m *mounted) event(r *http.Request) audit.Event {
	return audit.Event{Time: time.Now(), RequestID: rand.Text(), UserAgent: r.UserAgent(), Remote: m.caller(r)}
}

// identify tells the caller what the event is found by.
func (v *visit) identify(h http.Header) {
	v.id[0] = v.event.RequestID
	h["X-Request-Id"] = v.id[:]
}

// rescue answers for a panic, if there is one.
func (s *Server) rescue(ctx context.Context, v *visit, panicked any) {
	if panicked == nil {
		return
	}
	v.event.Outcome, v.event.Err = audit.Internal, fmt.Errorf("panic: %v", panicked)
	s.Log.ErrorContext(ctx, "panic in a request", "request_id", v.event.RequestID, "stack", string(debug.Stack()))
	if v.answer.code == 0 {
		http.Error(&v.answer, `{"error":"server_error"}`, http.StatusInternalServerError)
	}
}

// safe reports whether a request changes nothing and proves nobody.
func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// finish writes the event. An answer that is held leaves if that succeeds.
func (s *Server) finish(site *mounted, r *http.Request, v *visit, span trace.Span) {
	event, out := &v.event, &v.answer
	event.Status = cmp.Or(out.code, http.StatusOK)
	if event.Outcome == "" {
		event.Outcome = outcomeOf(event.Status)
	}
	took := time.Since(event.Time)
	if err := s.Audit.Write(r.Context(), event, took); err != nil && out.held {
		site.refuse(out, r, err)
		event.Status, event.Outcome = out.code, audit.Unavailable
	}
	out.release()
	s.metrics.count(event, took)
	endSpan(span, r, event)
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
