package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/claimsmith/claimsmith/cmd/claimsmith/config"
)

// renewEvery is how often a renewed certificate is looked for.
const renewEvery = time.Minute

// certificate is the server's own. It is taken up anew when its files change.
type certificate struct {
	read    func() (tls.Certificate, error)
	log     *slog.Logger
	current atomic.Pointer[tls.Certificate]
}

// openCertificate returns the certificate of a configuration; nil for none.
func openCertificate(cfg *config.Config, log *slog.Logger) (*certificate, error) {
	if cfg.TLS == nil {
		return nil, nil
	}
	pair, err := cfg.ReadCertificate()
	if err != nil {
		return nil, err
	}
	c := &certificate{read: cfg.ReadCertificate, log: log}
	c.current.Store(&pair)
	return c, nil
}

// config makes each handshake show what is current.
func (c *certificate) config() *tls.Config {
	if c == nil {
		return nil
	}
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current.Load(), nil },
	}
}

// run takes up what was renewed, until ctx ends.
func (c *certificate) run(ctx context.Context) error {
	if c == nil {
		return nil
	}
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			c.renew()
		}
	}
}

// renew takes up what the files hold now. Where that is no certificate the one
// in use stays.
func (c *certificate) renew() {
	if c == nil {
		return
	}
	pair, err := c.read()
	switch {
	case err != nil:
		c.log.Error("renew certificate", "error", err, "hint", "the one before stays in use")
	case !slices.EqualFunc(pair.Certificate, c.current.Load().Certificate, bytes.Equal): // the chain too
		c.current.Store(&pair)
		c.log.Info("certificate renewed", "expires", pair.Leaf.NotAfter)
	}
}

func (c *certificate) register(r *prometheus.Registry) {
	if c == nil {
		return
	}
	r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "claimsmith_certificate_expires_timestamp_seconds", Help: "When the server's own TLS certificate expires.",
	}, func() float64 { return float64(c.current.Load().Leaf.NotAfter.Unix()) }))
}
