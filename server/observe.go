package server

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"runtime/debug"
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
	event := &audit.Event{Time: time.Now(), RequestID: rand.Text(), UserAgent: r.UserAgent()}
	if remote := site.caller(r); remote.IsValid() {
		event.Remote = remote.String()
	}
	ctx, cancel := context.WithTimeout(audit.NewContext(r.Context(), event), deadline)
	defer cancel()
	ctx, span := s.startSpan(ctx, r, event)
	out := &answer{ResponseWriter: w, held: s.Audit.Required && !safe(r.Method)}
	w.Header().Set("X-Request-Id", event.RequestID)
	s.metrics.inFlight.Inc()
	defer func() {
		if v := recover(); v != nil {
			event.Outcome, event.Err = audit.Internal, fmt.Errorf("panic: %v", v)
			s.Log.ErrorContext(ctx, "panic in a request", "request_id", event.RequestID, "stack", string(debug.Stack()))
			if out.code == 0 {
				http.Error(out, `{"error":"server_error"}`, http.StatusInternalServerError)
			}
		}
		s.finish(site, r, event, span, out)
	}()
	if out.held && s.Audit.Refuses() {
		event.Outcome, event.Err = audit.Unavailable, s.Audit.Ready()
		site.refuse(out, r, event.Err)
		return
	}
	site.endpoint(r).ServeHTTP(out, r.WithContext(ctx))
}

// safe reports whether a request changes nothing and proves nobody.
func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// finish writes the event. An answer that is held leaves if that succeeds.
func (s *Server) finish(site *mounted, r *http.Request, event *audit.Event, span trace.Span, out *answer) {
	event.Status = out.code
	if event.Status == 0 {
		event.Status = http.StatusOK
	}
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
