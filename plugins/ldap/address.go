package ldap

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/claimsmith/claimsmith/internal/clienttls"
)

// newServers returns the servers that the configuration names, not connected yet.
func newServers(c Config) ([]*server, error) {
	base, err := clienttls.Files{CA: c.CA, Certificate: c.ClientCertificate, Key: c.ClientKey}.Load()
	faults := []error{err}
	if base != nil {
		base.InsecureSkipVerify = c.InsecureSkipVerify
	}
	if len(c.URLs) == 0 {
		faults = append(faults, errors.New("urls: name at least one server, such as ldaps://directory.example.com"))
	}
	var servers []*server
	for _, text := range c.URLs {
		s, err := newServer(c, text, base)
		if err != nil {
			faults = append(faults, fmt.Errorf("urls: %w", err))
			continue
		}
		servers = append(servers, s)
	}
	return servers, errors.Join(faults...)
}

func newServer(c Config, text string, base *tls.Config) (*server, error) {
	s := &server{
		url:      text,
		startTLS: c.StartTLS,
		account:  serviceAccount{dn: c.BindDN, password: c.BindPassword, external: c.BindExternal},
		limit:    c.ConnectTimeout.or(3 * time.Second),
	}
	scheme, rest, _ := strings.Cut(text, "://")
	if scheme == "ldapi" {
		s.startTLS = false
		return s, s.onSocket(rest)
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.User != nil:
		return nil, errors.New("one is no URL, or has a name or password in it, which belong in bind_dn and bind_password")
	case u.Scheme != "ldap" && u.Scheme != "ldaps":
		return nil, fmt.Errorf("%q: must begin with ldap://, ldaps:// or ldapi://", text)
	case u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("%q: must be a host and perhaps a port; what is searched belongs in base", text)
	case u.Scheme == "ldaps" && c.StartTLS:
		return nil, fmt.Errorf("%q: is TLS from the start, so start_tls is not for it", text)
	case u.Scheme == "ldap" && !c.StartTLS && !c.InsecurePlaintext && !isLoopback(u.Hostname()):
		return nil, fmt.Errorf("%q: would send passwords unencrypted: set start_tls, use ldaps://, or say insecure_plaintext", text)
	}
	s.onNetwork(u, base)
	return s, nil
}

func (s *server) onNetwork(u *url.URL, base *tls.Config) {
	port := u.Port()
	if port == "" {
		port = map[string]string{"ldap": ldap.DefaultLdapPort, "ldaps": ldap.DefaultLdapsPort}[u.Scheme]
	}
	s.network, s.address = "tcp", net.JoinHostPort(u.Hostname(), port)
	if u.Scheme == "ldaps" || s.startTLS {
		s.tls = base.Clone()
		s.tls.ServerName = u.Hostname()
	}
}

// onSocket takes the percent-encoded path that stands in an ldapi URL for the host.
func (s *server) onSocket(host string) error {
	path, err := url.PathUnescape(strings.TrimSuffix(host, "/"))
	if err != nil || !strings.HasPrefix(path, "/") {
		return fmt.Errorf("%q: must be ldapi:// and the socket's path with %%2F for each /", s.url)
	}
	s.network, s.address = "unix", path
	return nil
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
