package ldap_test

import (
	"encoding/json"
	"errors"
	"os"
	"testing"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/claimsmith/claimsmith/internal/servertest"
	"github.com/claimsmith/claimsmith/plugins/ldap"
	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// acme starts the directory of testdata/acme.ldif.
func acme(t testing.TB) *servertest.LDAP {
	t.Helper()
	text, err := os.ReadFile("testdata/acme.ldif")
	if err != nil {
		t.Fatal(err)
	}
	return servertest.Slapd(t, string(text))
}

// config is a plugin's configuration.
type config map[string]any

// forAcme is what a plugin needs to use the directory, and more.
func forAcme(l *servertest.LDAP, more config) config {
	c := config{
		"urls":          []string{l.URL},
		"bind_dn":       "cn=reader," + l.Suffix,
		"bind_password": "reads-people",
		"base":          "ou=people," + l.Suffix,
	}
	for key, value := range more {
		c[key] = value
	}
	return c
}

// configured returns a plugin that is closed at the end of the test.
func configured(t testing.TB, c config) *ldap.Plugin {
	t.Helper()
	p := ldap.New()
	t.Cleanup(func() { p.Close() })
	if err := configure(t, p, c); err != nil {
		t.Fatal(err)
	}
	return p
}

func configure(t testing.TB, p *ldap.Plugin, c config) error {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return p.Configure(t.Context(), text)
}

// password is a request to log in.
func password(username, password string) sdk.Request {
	return sdk.Request{Credential: sdk.Credential{Kind: sdk.Password, Username: username, Secret: sdk.Secret(password)}}
}

// outcome is what came of a call, in a word or two.
func outcome(err error) string {
	denied, isDenied := errors.AsType[*sdk.DeniedError](err)
	switch {
	case err == nil:
		return "identity"
	case isDenied:
		return "denied: " + string(denied.Reason)
	case errors.Is(err, sdk.ErrUnknown):
		return "unknown"
	case errors.Is(err, sdk.ErrUnavailable):
		return "unavailable"
	}
	return "error: " + err.Error()
}

// asRoot is a connection that may change everything.
func asRoot(t testing.TB, l *servertest.LDAP) *goldap.Conn {
	t.Helper()
	c, err := goldap.DialURL(l.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.Bind(l.RootDN, l.RootPassword); err != nil {
		t.Fatal(err)
	}
	return c
}
