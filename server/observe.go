package server

import (
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/claimsmith/claimsmith/server/audit"
)

// observe makes one event of each request: it begins it, lets the endpoints
// fill it in, and at the end logs and counts it. A panic ends its own request only.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		remote, _, _ := net.SplitHostPort(r.RemoteAddr)
		event := &audit.Event{
			Time:      time.Now(),
			RequestID: rand.Text(),
			Remote:    remote,
			UserAgent: r.UserAgent(),
		}
		ctx := audit.NewContext(r.Context(), event)
		status := &statusWriter{ResponseWriter: w}
		w.Header().Set("X-Request-Id", event.RequestID)
		defer func() {
			if v := recover(); v != nil {
				event.Outcome, event.Err = audit.Internal, fmt.Errorf("panic: %v", v)
				s.Log.ErrorContext(ctx, "panic in a request", "request_id", event.RequestID, "stack", string(debug.Stack()))
				if status.code == 0 {
					http.Error(status, `{"error":"server_error"}`, http.StatusInternalServerError)
				}
			}
			s.finish(r, event, status.code)
		}()
		next.ServeHTTP(status, r.WithContext(ctx))
	})
}

func (s *Server) finish(r *http.Request, event *audit.Event, code int) {
	event.Status = code
	if event.Status == 0 {
		event.Status = http.StatusOK
	}
	if event.Outcome == "" {
		event.Outcome = outcomeOf(event.Status)
	}
	took := time.Since(event.Time)
	s.metrics.count(event, took)
	s.Audit.Write(r.Context(), event, took)
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

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	code int
}

func (w *statusWriter) WriteHeader(code int) {
	if w.code == 0 {
		w.code = code
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.code == 0 {
		w.code = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap serves http.ResponseController, and MaxBytesReader through it.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
