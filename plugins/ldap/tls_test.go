package ldap_test

import (
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
)

func TestConnectionsAreEncrypted(t *testing.T) {
	l := acme(t)
	for _, c := range []struct {
		name   string
		config config
		want   string
	}{
		{"StartTLS", config{"start_tls": true, "ca": l.CA}, "identity"},
		{"LDAPS", config{"urls": []string{l.TLSURL}, "ca": l.CA}, "identity"},
		{"LDAPS by name", config{"urls": []string{strings.Replace(l.TLSURL, "127.0.0.1", "localhost", 1)}, "ca": l.CA}, "identity"},
		{"client certificate", config{"urls": []string{l.TLSURL}, "ca": l.CA, "client_certificate": l.ClientCertificate, "client_key": l.ClientKey}, "identity"},
		{"bound by client certificate", config{"urls": []string{l.TLSURL}, "ca": l.CA, "client_certificate": l.ClientCertificate,
			"client_key": l.ClientKey, "bind_external": true, "bind_dn": "", "bind_password": ""}, "identity"},
		{"socket", config{"urls": []string{l.Socket}}, "identity"},
		{"any certificate, named so", config{"urls": []string{l.TLSURL}, "insecure_skip_verify": true}, "identity"},
		{"StartTLS, other CA", config{"start_tls": true}, "unavailable"},
		{"LDAPS, other CA", config{"urls": []string{l.TLSURL}}, "unavailable"},
		{"TLS to the plain port", config{"urls": []string{strings.Replace(l.URL, "ldap://", "ldaps://", 1)}, "ca": l.CA}, "unavailable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := configured(t, forAcme(l, c.config))
			_, err := p.Authenticate(t.Context(), password("alice", "wonderland"))
			if got := outcome(err); got != c.want {
				t.Errorf("login is %s, want %s (%v)", got, c.want, err)
			}
		})
	}
}

// A server whose certificate has another name than the URL is not spoken to.
func TestCertificateOfAnotherNameIsRefused(t *testing.T) {
	l := acme(t)
	front, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Skipf("this system has no second loopback address: %v", err)
	}
	defer front.Close()
	go forward(front, strings.TrimPrefix(l.TLSURL, "ldaps://"))
	p := configured(t, forAcme(l, config{"urls": []string{"ldaps://" + front.Addr().String()}, "ca": l.CA}))
	_, err = p.Authenticate(t.Context(), password("alice", "wonderland"))
	if _, ok := errors.AsType[x509.HostnameError](err); !ok || outcome(err) != "unavailable" {
		t.Errorf("login is %s (%v), want unavailable for the name", outcome(err), err)
	}
}

// forward passes connections on to an address until the listener is closed.
func forward(front net.Listener, address string) {
	for {
		from, err := front.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", address)
		if err != nil {
			from.Close()
			continue
		}
		go func() {
			defer from.Close()
			io.Copy(from, to)
		}()
		go func() {
			defer to.Close()
			io.Copy(to, from)
		}()
	}
}
