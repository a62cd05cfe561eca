package server

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Check is one thing that must work for the server to be ready.
type Check struct {
	Name string
	// Probe returns why it does not work, or nil. Its text is for operators
	// and holds no secret.
	Probe func(ctx context.Context) error
}

// checkTimeout bounds one probe.
const checkTimeout = 2 * time.Second

// AdminHandler is what operators reach: /healthz, /readyz and /metrics.
func (s *Server) AdminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte("ok\n"))
	})
	mux.HandleFunc("GET /readyz", s.serveReady)
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.Metrics, promhttp.HandlerOpts{}))
	return mux
}

// readiness is the answer of /readyz: "ready" or "not ready", and each check by
// name: "ok" or what is wrong.
type readiness struct {
	Status string            `json:"status"`
	Checks map[string]string `json:"checks"`
}

func (s *Server) serveReady(w http.ResponseWriter, r *http.Request) {
	answer := readiness{Status: "ready", Checks: map[string]string{}}
	status := http.StatusOK
	fail := func(name, why string) {
		answer.Status, answer.Checks[name] = "not ready", why
		status = http.StatusServiceUnavailable
	}
	for _, c := range s.site.Load().Checks {
		ctx, cancel := context.WithTimeout(r.Context(), checkTimeout)
		if err := c.Probe(ctx); err != nil {
			fail(c.Name, err.Error())
		} else {
			answer.Checks[c.Name] = "ok"
		}
		cancel()
	}
	if err := s.Audit.Ready(r.Context()); err != nil {
		fail("events", err.Error())
	}
	if s.draining.Load() {
		fail("server", "draining")
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(answer)
}
