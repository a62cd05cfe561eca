package main

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/claimsmith/claimsmith/server/dialect"
)

// dialectMetrics tells who uses dialects. It is a prometheus.Collector.
type dialectMetrics struct{ usage *dialect.Usage }

var (
	dialectRequests = prometheus.NewDesc("claimsmith_dialect_requests_total",
		"Requests to dialects by the program that sent them.", []string{"issuer", "dialect", "route", "user_agent"}, nil)
	dialectLogins = prometheus.NewDesc("claimsmith_dialect_logins_total",
		"Requests to dialects that got a token, by the program that sent them.", []string{"issuer", "dialect", "route", "user_agent"}, nil)
	dialectLast = prometheus.NewDesc("claimsmith_dialect_last_use_timestamp_seconds",
		"When a dialect was asked last, by the program that asked.", []string{"issuer", "dialect", "route", "user_agent"}, nil)
)

// Describe implements prometheus.Collector.
func (m dialectMetrics) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{dialectRequests, dialectLogins, dialectLast} {
		descs <- d
	}
}

// Collect implements prometheus.Collector.
func (m dialectMetrics) Collect(metrics chan<- prometheus.Metric) {
	for _, u := range m.usage.Uses() {
		tell := func(d *prometheus.Desc, t prometheus.ValueType, value float64) {
			metrics <- prometheus.MustNewConstMetric(d, t, value, u.Issuer, u.Dialect, u.Route, u.UserAgent)
		}
		tell(dialectRequests, prometheus.CounterValue, float64(u.Requests))
		tell(dialectLogins, prometheus.CounterValue, float64(u.Logins))
		tell(dialectLast, prometheus.GaugeValue, float64(u.Last.Unix()))
	}
}

// dialectCommand answers on the control socket who uses dialects.
type dialectCommand struct{ usage *dialect.Usage }

// Mount implements server.Mounter.
func (c dialectCommand) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET /dialects", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, c.usage.Uses()) })
}
