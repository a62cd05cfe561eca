package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// issueCertificate writes a certificate of its own for loopback into dir, as
// server.pem and server.key, and returns who trusts it.
func issueCertificate(t *testing.T, dir string, serial int64) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "claimsmith"},
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	writeFile(t, dir, "server.pem", string(certificate))
	writeFile(t, dir, "server.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(certificate)
	return pool
}

// https asks for the JWKS on a new connection of one who trusts pool.
func https(listen string, pool *x509.CertPool) (*http.Response, error) {
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true, DisableKeepAlives: true,
	}}
	resp, err := client.Get("https://" + listen + "/.well-known/jwks.json")
	if err == nil {
		resp.Body.Close()
	}
	return resp, err
}

func TestACertificateIsRenewedWhileItServes(t *testing.T) {
	t.Parallel()
	listen := freeAddress(t)
	dir := newSite(t, listen, "", "")
	edit(t, dir, "storage:", "tls: {certificate: server.pem, key: server.key}\nstorage:")
	edit(t, dir, "http://"+listen, "https://"+listen)
	first := issueCertificate(t, dir, 1)
	p := start(t, dir, listen)
	resp, err := https(listen, first)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || resp.ProtoMajor != 2 {
		t.Errorf("%s, %s", resp.Proto, resp.Status)
	}
	if resp, err := http.Get("http://" + listen); err == nil && resp.StatusCode != http.StatusBadRequest {
		t.Errorf("plain HTTP: %s", resp.Status)
	}

	hup := func() {
		if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	before, err := os.ReadFile(dir + "/server.pem")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir, "server.pem", "torn")
	hup()
	p.await("a refusal", func() bool { return strings.Contains(p.log.String(), "renew certificate") })
	if _, err := https(listen, first); err != nil {
		t.Errorf("with the certificate before: %v", err)
	}

	writeFile(t, dir, "server.pem", string(before))
	second := issueCertificate(t, dir, 2)
	hup()
	p.await("the new certificate", func() bool { _, err := https(listen, second); return err == nil })
	if _, err := https(listen, first); err == nil {
		t.Error("the certificate before is still shown")
	}

	whole, err := os.ReadFile(dir + "/server.pem")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir, "server.pem", string(whole)+string(before)) // what it forgot: who issued it
	hup()
	p.await("the chain", func() bool {
		resp, err := https(listen, second)
		return err == nil && len(resp.TLS.PeerCertificates) == 2
	})
	metrics, err := http.Get(p.Admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer metrics.Body.Close()
	if text, err := io.ReadAll(metrics.Body); err != nil || !strings.Contains(string(text), "claimsmith_certificate_expires_timestamp_seconds 1.") {
		t.Errorf("metrics do not say when the certificate expires, %v", err)
	}
	p.stop()
}
