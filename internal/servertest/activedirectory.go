package servertest

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Domain is an Active Directory domain with one controller, Samba's, that all
// tests of a binary share: each makes entries of its own. It takes no
// password on a connection without TLS.
type Domain struct {
	URL    string // ldap://127.X.Y.Z, where StartTLS works
	TLSURL string // ldaps://127.X.Y.Z
	CA     string // file of the certificate that the controller's comes from

	Name                  string // CORP, as in CORP\alice
	Suffix                string // DC=corp,DC=example
	Administrator         string // DN of the account that may do everything
	AdministratorPassword string

	dir string
}

// ActiveDirectory returns the domain of the test binary. The first call makes it,
// which takes some ten seconds. A domain controller's ports are fixed, so it listens on
// a loopback address of its own, and only root can start it.
func ActiveDirectory(t testing.TB) Domain {
	t.Helper()
	if program("samba") == "" || program("samba-tool") == "" || !exists(domainSchema) || !exists(sysvolModule) {
		Missing(t, "Samba's domain controller is not installed (Debian: apt-get install %s)",
			"samba samba-ad-provision samba-dsdb-modules samba-vfs-modules")
	}
	if os.Getuid() != 0 {
		Missing(t, "only root can start Samba's domain controller")
	}
	domain, err := activeDirectory()
	if err != nil {
		t.Fatalf("start Samba: %v", err)
	}
	return domain
}

// AddWithOldPassword adds the account CN=NAME,CN=Users whose password was set a hundred
// days ago. In this domain a password expires after 42.
func (d Domain) AddWithOldPassword(t testing.TB, name, password string) {
	t.Helper()
	if program("faketime") == "" {
		Missing(t, "faketime is not installed (Debian: apt-get install faketime)")
	}
	if err := runAs(d.dir, nil, program("faketime"), "-f", "-100d", program("samba-tool"), "user", "create", name, password,
		"--configfile="+filepath.Join(d.dir, "smb.conf"), "--URL="+filepath.Join(d.dir, "private", "sam.ldb")); err != nil {
		t.Fatal(err)
	}
}

// What Samba's program alone does not bring along.
const (
	domainSchema = "/usr/share/samba/setup/ad-schema"
	sysvolModule = "/usr/lib/*/samba/vfs/acl_xattr.so"
)

// exists is whether there is a file that the pattern matches.
func exists(pattern string) bool {
	found, _ := filepath.Glob(pattern)
	return len(found) > 0
}

// sambaConf leaves out every service but LDAP: no file shares, Kerberos or DNS.
const sambaConf = `
[global]
realm = CORP.EXAMPLE
workgroup = CORP
netbios name = DC
server role = active directory domain controller
server services = ldap
dcerpc endpoint servers =
interfaces = {address}/8
bind interfaces only = yes
tls cafile = {dir}/ca.pem
tls certfile = {dir}/server.pem
tls keyfile = {dir}/server.key
private dir = {dir}/private
state directory = {dir}
cache directory = {dir}
lock directory = {dir}
pid directory = {dir}
ncalrpc dir = {dir}/ncalrpc
winbindd socket directory = {dir}/winbindd
ntp signd socket directory = {dir}/ntp
binddns dir = {dir}/dns
log file = {dir}/samba.log
ldb:nosync = yes

[sysvol]
path = {dir}/sysvol
read only = no

[netlogon]
path = {dir}/sysvol/corp.example/scripts
`

var activeDirectory = sync.OnceValues(func() (d Domain, err error) {
	dir, err := serverDir(nil)
	if err != nil {
		return d, err
	}
	address, err := freeLoopback()
	if err != nil {
		os.RemoveAll(dir)
		return d, err
	}
	d = Domain{
		URL: "ldap://" + address, TLSURL: "ldaps://" + address, CA: filepath.Join(dir, "ca.pem"),
		Name: "CORP", Suffix: "DC=corp,DC=example",
		Administrator: "CN=Administrator,CN=Users,DC=corp,DC=example", AdministratorPassword: "Root-of-tests-0nly",
		dir: dir,
	}
	if err := d.provision(dir, address); err != nil {
		os.RemoveAll(dir)
		return d, err
	}
	s, err := startServer(dir, nil, "TERM", program("samba"), "--foreground", "--no-process-group", "--model=single",
		"--debug-stdout", "--configfile="+filepath.Join(dir, "smb.conf"))
	if err != nil {
		return d, err
	}
	return d, s.await(func() error { return d.greet(address) })
})

// provision makes the domain's database in dir, and certificates for address.
func (d Domain) provision(dir, address string) error {
	if err := certifyServer(dir, net.ParseIP(address)); err != nil {
		return err
	}
	conf := filepath.Join(dir, "smb.conf")
	text := strings.NewReplacer("{dir}", dir, "{address}", address).Replace(sambaConf)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return err
	}
	return runAs(dir, nil, program("samba-tool"), "domain", "provision", "--quiet", "--configfile="+conf,
		"--realm=CORP.EXAMPLE", "--domain="+d.Name, "--server-role=dc", "--host-name=dc", "--host-ip="+address,
		"--dns-backend=NONE", "--adminpass="+d.AdministratorPassword)
}

// greet is nil once the controller answers with its certificate.
func (d Domain) greet(address string) error {
	pem, err := os.ReadFile(d.CA)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	c, err := tls.Dial("tcp", net.JoinHostPort(address, "636"), &tls.Config{RootCAs: roots})
	if err != nil {
		return err
	}
	return c.Close()
}

// freeLoopback is an address of 127.0.0.0/8 on which nobody serves LDAP.
func freeLoopback() (string, error) {
	var last error
	for range 10 {
		address := fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254))
		l, err := net.Listen("tcp", net.JoinHostPort(address, "389"))
		if err == nil {
			return address, l.Close()
		}
		last = err
	}
	return "", errors.Join(errors.New("this system has no second loopback address"), last)
}
