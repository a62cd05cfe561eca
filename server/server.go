// Package server owns what is around the endpoints: it mounts them, makes one
// event of each request, answers for the process's health, and drains what is
// in flight at the end. What the endpoints do belongs to server/oauth.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/claimsmith/claimsmith/server/audit"
)

// Mounter puts endpoints on a mux.
type Mounter interface {
	Mount(mux *http.ServeMux)
}

// Config is what a Server is made of.
type Config struct {
	Public net.Listener // for callers
	Admin  net.Listener // for operators: health and metrics; nil for none

	Endpoints []Mounter // each issuer's
	Checks    []Check   // what must work for the server to be ready
	Metrics   *prometheus.Registry
	Audit     *audit.Log
	Log       *slog.Logger

	// Drain bounds how long requests in flight are waited for at the end; 0
	// means 30 s.
	Drain time.Duration
}

// Server serves the endpoints of all issuers.
type Server struct {
	Config
	metrics  *metrics
	draining atomic.Bool
}

// New returns a Server. It listens already, and answers once Run is called.
func New(c Config) *Server {
	if c.Drain == 0 {
		c.Drain = 30 * time.Second
	}
	return &Server{Config: c, metrics: newMetrics(c.Metrics)}
}

// Run serves until ctx ends, then lets what is in flight finish.
func (s *Server) Run(ctx context.Context) error {
	public := s.httpServer(s.Handler())
	errs := make(chan error, 2)
	go func() { errs <- public.Serve(s.Public) }()
	admin := s.httpServer(s.AdminHandler())
	if s.Admin != nil {
		go func() { errs <- admin.Serve(s.Admin) }()
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
	return errors.Join(failed, admin.Close())
}

func (s *Server) httpServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
	}
}

// Handler is everything that callers reach.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, e := range s.Endpoints {
		e.Mount(mux)
	}
	return s.observe(mux)
}
