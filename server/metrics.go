package server

import (
	"maps"
	"sync/atomic"
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

	known atomic.Pointer[map[series]counters]
}

// series is which counters an event belongs to.
type series struct {
	issuer, route string
	outcome       audit.Outcome
}

type counters struct {
	requests prometheus.Counter
	seconds  prometheus.Observer
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
	m.known.Store(&map[series]counters{})
	r.MustRegister(m.requests, m.seconds, m.inFlight)
	return m
}

func (m *metrics) count(e *audit.Event, took time.Duration) {
	route := e.Route
	if route == "" {
		route = "none"
	}
	m.inFlight.Dec()
	c := m.of(series{e.Issuer, route, e.Outcome})
	c.requests.Inc()
	c.seconds.Observe(took.Seconds())
}

// of returns the counters of a series, which are looked up by their labels once:
// there are few series, and a map that is never changed is read without a lock.
func (m *metrics) of(s series) counters {
	known := m.known.Load()
	if c, ok := (*known)[s]; ok {
		return c
	}
	more := maps.Clone(*known)
	more[s] = counters{m.requests.WithLabelValues(s.issuer, s.route, string(s.outcome)), m.seconds.WithLabelValues(s.route)}
	m.known.CompareAndSwap(known, &more) // or else the next request does it
	return more[s]
}
