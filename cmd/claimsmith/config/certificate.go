package config

import (
	"crypto/tls"
	"fmt"
)

// ReadCertificate returns the server's own certificate as its files stand now.
// TLS must be set.
func (c *Config) ReadCertificate() (tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(within(c.Dir, c.TLS.Certificate), within(c.Dir, c.TLS.Key))
	if err != nil {
		return pair, fmt.Errorf("read certificate: %w", err)
	}
	return pair, nil
}

func (c *checker) checkCertificate() {
	if c.TLS == nil || c.TLS.Certificate == "" || c.TLS.Key == "" {
		return
	}
	if _, err := c.ReadCertificate(); err != nil {
		c.doc.Fault("tls", err.Error(), "name two PEM files: the certificate with its chain, and its key")
	}
}
