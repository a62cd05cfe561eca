package main

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/claimsmith/claimsmith/jwks"
)

// keyMetrics are the metrics of all issuers' keys. A kid stands in a label only
// while its key is in the set, so there are as few as keys.
type keyMetrics struct {
	signatures    *prometheus.CounterVec
	verifications *prometheus.CounterVec
	changes       *prometheus.CounterVec
	age, next     *prometheus.Desc

	mu      sync.Mutex
	rings   map[string]*jwks.Ring // by the issuer's name
	secrets map[string]*jwks.Secrets
}

func newKeyMetrics() *keyMetrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	return &keyMetrics{
		signatures:    counter("claimsmith_key_signatures_total", "Tokens signed, by key.", "issuer", "kid"),
		verifications: counter("claimsmith_key_verifications_total", "Tokens verified here, by key and outcome: ok, invalid, revoked; unknown is of no key.", "issuer", "kid", "outcome"),
		changes:       counter("claimsmith_key_changes_total", "Changes of keys and secrets: announced, imported, activated, retired, advanced, revoked, rewrapped, removed.", "issuer", "change"),
		age:           prometheus.NewDesc("claimsmith_key_age_seconds", "Since when a key or secret is announced.", []string{"issuer", "kid", "algorithm", "state"}, nil),
		next:          prometheus.NewDesc("claimsmith_key_next_event_timestamp_seconds", "When the state of a key of the issuer changes next, or a successor is due.", []string{"issuer"}, nil),
	}
}

// show tells of the keys and secrets of a process from now on.
func (m *keyMetrics) show(p *process) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rings, m.secrets = p.rings, p.secrets
}

// Describe implements prometheus.Collector.
func (m *keyMetrics) Describe(to chan<- *prometheus.Desc) {
	m.signatures.Describe(to)
	m.verifications.Describe(to)
	m.changes.Describe(to)
	to <- m.age
	to <- m.next
}

// Collect implements prometheus.Collector.
func (m *keyMetrics) Collect(to chan<- prometheus.Metric) {
	m.signatures.Collect(to)
	m.verifications.Collect(to)
	m.changes.Collect(to)
	m.mu.Lock()
	defer m.mu.Unlock()
	for issuer, ring := range m.rings {
		for _, k := range slices.Concat(ring.Keys(), m.secrets[issuer].Keys()) {
			to <- prometheus.MustNewConstMetric(m.age, prometheus.GaugeValue, time.Since(k.Announced).Seconds(), issuer, k.KID, k.Algorithm, string(k.State))
		}
		if at := ring.NextEvent(); !at.IsZero() {
			to <- prometheus.MustNewConstMetric(m.next, prometheus.GaugeValue, float64(at.UnixMilli())/1000, issuer)
		}
	}
}

// of returns what counts for one issuer.
func (m *keyMetrics) of(issuer string) jwks.Observer { return keyObserver{m, issuer} }

// keyObserver implements jwks.Observer.
type keyObserver struct {
	*keyMetrics
	issuer string
}

func (o keyObserver) Signed(kid string) { o.signatures.WithLabelValues(o.issuer, kid).Inc() }

func (o keyObserver) Verified(kid string, err error) {
	outcome := "ok"
	switch {
	case errors.Is(err, jwks.ErrRevokedKey):
		outcome = "revoked"
	case errors.Is(err, jwks.ErrUnknownKey):
		outcome = "unknown"
	case err != nil:
		outcome = "invalid"
	}
	o.verifications.WithLabelValues(o.issuer, kid, outcome).Inc()
}

func (o keyObserver) Changed(c jwks.Change) {
	o.changes.WithLabelValues(o.issuer, string(c.Kind)).Inc()
	if c.Kind == jwks.ChangeRemoved {
		of := prometheus.Labels{"issuer": o.issuer, "kid": c.KID}
		o.signatures.DeletePartialMatch(of)
		o.verifications.DeletePartialMatch(of)
	}
}
