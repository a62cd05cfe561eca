// Package clienttls owns how a server that a plugin calls is known by TLS, and
// how the plugin shows who it is.
package clienttls

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// Files name what a connection is made with. The zero value trusts the system's
// certificate authorities and shows nothing.
type Files struct {
	CA               string // of PEM certificates that the server's must come from; "" for the system's
	Certificate, Key string // what is shown, in PEM; "" for none
}

// Load returns a configuration for TLS 1.2 and later. The CA is read now, the
// certificate again for each connection. Errors begin with the name that
// configurations have for the file: ca, client_certificate, client_key.
func (f Files) Load() (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(0)}
	if f.CA != "" {
		pem, err := os.ReadFile(f.CA)
		if err != nil {
			return nil, fmt.Errorf("ca: %w", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca: %s holds no PEM certificate", f.CA)
		}
	}
	if f.Certificate == "" && f.Key == "" {
		return t, nil
	}
	load := func() (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(f.Certificate, f.Key)
		return &pair, err
	}
	if _, err := load(); err != nil {
		return nil, fmt.Errorf("client_certificate, client_key: %w", err)
	}
	t.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return load() }
	t.ClientSessionCache = nil // a session that is resumed goes on with the certificate of before
	return t, nil
}
