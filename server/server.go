// Package server owns what is around the endpoints: it mounts them, makes one
// event of each request, answers for the process's health, and drains what is
// in flight at the end. What the endpoints do belongs to server/oauth.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/claimsmith/claimsmith/server/audit"
)

// Mounter puts endpoints on a mux.
type Mounter interface {
	Mount(mux *http.ServeMux)
}

// Config is what a Server is made of.
type Config struct {
	Public net.Listener // for callers
	TLS    *tls.Config  // what Public speaks; nil: HTTP
	Admin  net.Listener // for operators: health and metrics; nil for none
	// Control is for commands on this machine, see ListenControl; nil for none.
	Control net.Listener

	Site     Site      // what is served; Use replaces it
	Commands []Mounter // what Control serves
	Metrics  *prometheus.Registry
	Audit    *audit.Log
	Traces   trace.TracerProvider // nil: no traces
	Log      *slog.Logger

	// Drain bounds how long requests in flight are waited for at the end; 0
	// means 30 s.
	Drain time.Duration
}

// Server serves the endpoints of all issuers.
type Server struct {
	Config
	metrics  *metrics
	tracer   trace.Tracer
	untraced bool // tracer makes no spans
	site     atomic.Pointer[mounted]
	draining atomic.Bool
}

// New returns a Server, or an error where two endpoints want one path. It
// listens already, and answers once Run is called.
func New(c Config) (*Server, error) {
	if c.Drain == 0 {
		c.Drain = 30 * time.Second
	}
	untraced := c.Traces == nil
	if untraced {
		c.Traces = noop.NewTracerProvider()
	}
	s := &Server{Config: c, metrics: newMetrics(c.Metrics), untraced: untraced}
	s.tracer = c.Traces.Tracer("github.com/claimsmith/claimsmith/server")
	site, err := mount(c.Site)
	if err != nil {
		return nil, err
	}
	s.site.Store(site)
	return s, nil
}

// Run serves until ctx ends, then lets what is in flight finish.
func (s *Server) Run(ctx context.Context) error {
	public := s.httpServer(s.Handler())
	errs := make(chan error, 3)
	go func() { errs <- s.serve(public) }()
	admin := s.httpServer(s.AdminHandler())
	if s.Admin != nil {
		go func() { errs <- admin.Serve(s.Admin) }()
	}
	control := s.httpServer(s.controlHandler())
	control.ReadTimeout, control.WriteTimeout = 0, 0 // a command may wait for a plugin to start and another to drain
	if s.Control != nil {
		go func() { errs <- control.Serve(s.Control) }()
	}
	var failed error
	select {
	case <-ctx.Done():
	case failed = <-errs:
		failed = fmt.Errorf("serve HTTP: %w", failed)
	}
	s.draining.Store(true)
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Drain)
	defer cancel()
	if err := public.Shutdown(drain); err != nil {
		failed = errors.Join(failed, fmt.Errorf("drain requests: %w", err))
	}
	return errors.Join(failed, admin.Close(), control.Close())
}

// serve answers callers.
func (s *Server) serve(public *http.Server) error {
	if s.TLS == nil {
		return public.Serve(listener{s.Public})
	}
	public.TLSConfig = s.TLS
	return public.ServeTLS(listener{s.Public}, "", "")
}

func (s *Server) httpServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:        h,
		ReadTimeout:    10 * time.Second, // of the header too: another timer for that would cost each request
		WriteTimeout:   time.Minute,
		IdleTimeout:    2 * time.Minute,
		MaxHeaderBytes: 16 << 10,
		ErrorLog:       slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
	}
}

// controlHandler is what commands reach.
func (s *Server) controlHandler() http.Handler {
	mux := http.NewServeMux()
	for _, c := range s.Commands {
		c.Mount(mux)
	}
	return mux
}
