package ldap_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"maps"
	"os"
	"slices"
	"sync"
	"testing"
	"unicode/utf16"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/claimsmith/claimsmith/internal/servertest"
)

// domain is Samba's Active Directory, with the same people and groups in it for
// every test. A test that changes somebody makes a person of its own.
type domain struct {
	servertest.Domain
	admin *goldap.Conn
}

const (
	normalAccount    = "512"
	disabledAccount  = "514"
	neverExpires     = "66048" // the password does not
	passwordInDomain = "wonderland"
)

var populate sync.Once

// realDomain is the domain; the first call fills it.
func realDomain(t *testing.T) domain {
	t.Helper()
	d := domain{Domain: servertest.ActiveDirectory(t)}
	d.admin = d.connect(t)
	populate.Do(func() { d.populate(t) })
	if t.Failed() {
		t.FailNow()
	}
	return d
}

// connect returns a connection of the administrator's.
func (d domain) connect(t *testing.T) *goldap.Conn {
	t.Helper()
	pem, err := os.ReadFile(d.CA)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	c, err := goldap.DialURL(d.TLSURL, goldap.DialWithTLSConfig(&tls.Config{RootCAs: roots}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.Bind(d.Administrator, d.AdministratorPassword); err != nil {
		t.Fatal(err)
	}
	return c
}

// populate makes the entries that the scripted domain controller tells of too.
func (d domain) populate(t *testing.T) {
	t.Helper()
	d.modify(t, d.Suffix, map[string]string{"pwdProperties": "0", "minPwdAge": "0", "lockoutThreshold": "3"})
	for _, unit := range []string{"People", "Groups"} {
		d.add(t, "OU="+unit+","+d.Suffix, map[string][]string{"objectClass": {"organizationalUnit"}})
	}
	d.person(t, "svc", map[string]string{"userAccountControl": neverExpires})
	d.person(t, "alice", map[string]string{
		"userPrincipalName": "alice@corp.example", "displayName": "Alice Liddell", "mail": "alice@corp.example",
	})
	alice := d.dn("alice")
	d.group(t, `Rabbits\, white`, alice)
	d.group(t, "Cards", alice)
	d.group(t, "Deck", d.groupDN("Cards"))
	members := goldap.NewModifyRequest(d.groupDN("Cards"), nil)
	members.Add("member", []string{d.groupDN("Deck")}) // a loop
	if err := d.admin.Modify(members); err != nil {
		t.Fatal(err)
	}
}

func (d domain) dn(name string) string      { return "CN=" + name + ",OU=People," + d.Suffix }
func (d domain) groupDN(name string) string { return "CN=" + name + ",OU=Groups," + d.Suffix }

// person adds somebody whose password is passwordInDomain. Unless attributes say
// otherwise it is an account like others.
func (d domain) person(t *testing.T, name string, attributes map[string]string) {
	t.Helper()
	entry := map[string][]string{
		"objectClass": {"user"}, "sAMAccountName": {name}, "userAccountControl": {normalAccount},
		"unicodePwd": {quotedUTF16(passwordInDomain)},
	}
	for attribute, value := range attributes {
		entry[attribute] = []string{value}
	}
	d.add(t, d.dn(name), entry)
}

func (d domain) group(t *testing.T, name string, members ...string) {
	t.Helper()
	d.add(t, d.groupDN(name), map[string][]string{
		"objectClass": {"group"}, "groupType": {"-2147483640"}, "member": members, // universal
	})
}

func (d domain) add(t *testing.T, dn string, attributes map[string][]string) {
	t.Helper()
	r := goldap.NewAddRequest(dn, nil)
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		r.Attribute(name, attributes[name])
	}
	if err := d.admin.Add(r); err != nil {
		t.Fatalf("add %s: %v", dn, err)
	}
}

func (d domain) modify(t *testing.T, dn string, attributes map[string]string) {
	t.Helper()
	r := goldap.NewModifyRequest(dn, nil)
	for name, value := range attributes {
		r.Replace(name, []string{value})
	}
	if err := d.admin.Modify(r); err != nil {
		t.Fatalf("modify %s: %v", dn, err)
	}
}

// quotedUTF16 is a password as Active Directory wants it to be set.
func quotedUTF16(password string) string {
	var b []byte
	for _, unit := range utf16.Encode([]rune(`"` + password + `"`)) {
		b = binary.LittleEndian.AppendUint16(b, unit)
	}
	return string(b)
}

// forDomain is what a plugin needs to use the domain, and more.
func forDomain(d domain, more config) config {
	c := config{
		"urls": []string{d.TLSURL}, "ca": d.CA, "directory": "active_directory", "base": d.Suffix,
		"bind_dn": "svc@corp.example", "bind_password": passwordInDomain,
	}
	for key, value := range more {
		c[key] = value
	}
	return c
}
