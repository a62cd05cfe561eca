package server

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/claimsmith/claimsmith/server/audit"
)

// metrics count events. No label takes a caller's text, so their number is
// bounded. docs/monitoring lists all of them.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	inFlight prometheus.Gauge
}

func newMetrics(r *prometheus.Registry) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "claimsmith_requests_total",
			Help: "Requests by issuer, route and outcome.",
		}, []string{"issuer", "route", "outcome"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "claimsmith_request_duration_seconds",
			Help:    "How long requests took, by route.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"route"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "claimsmith_requests_in_flight",
			Help: "Requests that are being answered.",
		}),
	}
	r.MustRegister(m.requests, m.seconds, m.inFlight)
	return m
}

func (m *metrics) count(e *audit.Event, took time.Duration) {
	route := e.Route
	if route == "" {
		route = "none"
	}
	m.inFlight.Dec()
	m.requests.WithLabelValues(e.Issuer, route, string(e.Outcome)).Inc()
	m.seconds.WithLabelValues(route).Observe(took.Seconds())
}
