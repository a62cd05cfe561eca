package apikey_test

import (
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// A client certificate that was replaced is not shown any more, though the service
// would go on with the session of before.
func TestAClientCertificateThatWasReplacedIsNotShown(t *testing.T) {
	var shown atomic.Pointer[x509.Certificate]
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown.Store(r.TLS.PeerCertificates[0])
		w.Header().Set("Connection", "close")
		keyService(w, r)
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	server.StartTLS()
	t.Cleanup(server.Close)
	certificate, key := clientCertificate(t, server)
	p := asking(t, server, map[string]any{"client_certificate": certificate, "client_key": key, "cache": "0s"})
	for _, want := range []string{"", "of ours, renewed"} {
		if want != "" {
			renewCertificate(t, certificate, key, want)
		}
		if _, err := p.Authenticate(t.Context(), request(knownKey, "192.0.2.1", "")); outcome(err) != "ok" {
			t.Fatal(err)
		}
		if got := shown.Load().Subject.CommonName; got != want {
			t.Errorf("the service sees a certificate of %q, want %q", got, want)
		}
	}
}

// renewCertificate puts a new certificate with a key of its own in the files.
func renewCertificate(t testing.TB, certificate, key, name string) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(nil, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, certificate, "CERTIFICATE", der)
	writePEM(t, key, "PRIVATE KEY", secret)
}
