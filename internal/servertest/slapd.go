package servertest

import (
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// LDAP is an OpenLDAP server of one test's own.
//
// It has the schemas core, cosine, inetorgperson, nis and dyngroup, keeps the
// attribute memberOf for groupOfNames, and applies the password policy
// cn=default,ou=policies,SUFFIX if there is such an entry. An anonymous client
// may only bind; one that is bound reads everything but passwords.
type LDAP struct {
	URL    string // ldap://127.0.0.1:PORT, where StartTLS works too
	TLSURL string // ldaps://127.0.0.1:PORT
	Socket string // ldapi://…
	CA     string // file of the certificate that the server's comes from

	ClientCertificate string // file of a certificate that it takes for that of CN=client
	ClientKey         string // file of its key

	Suffix       string // DN of the first entry of the LDIF
	RootDN       string // may do everything
	RootPassword string

	t       testing.TB
	dir     string // configuration, data and socket: they outlive a stop
	process *server
}

// Slapd starts an OpenLDAP server with the entries of an LDIF, whose first is
// the root of all others. It is stopped at the end of the test. Lines of config are put
// into slapd.conf before the database: schema, for example.
func Slapd(t testing.TB, ldif string, config ...string) *LDAP {
	t.Helper()
	if program("slapd") == "" {
		Missing(t, "OpenLDAP is not installed (Debian: apt-get install slapd)")
	}
	l := &LDAP{t: t, Suffix: suffixOf(t, ldif), RootPassword: "root-of-tests-only"}
	l.RootDN = "cn=root," + l.Suffix
	var err error
	if l.dir, err = os.MkdirTemp("", "claimsmith-slapd-"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		l.Stop()
		os.RemoveAll(l.dir)
	})
	l.URL, l.TLSURL = "ldap://"+l.freeAddress(), "ldaps://"+l.freeAddress()
	l.Socket = "ldapi://" + url.PathEscape(filepath.Join(l.dir, "socket"))
	l.CA, l.ClientCertificate, l.ClientKey = l.file("ca.pem"), l.file("client.pem"), l.file("client.key")
	if err := certifyServer(l.dir, net.IPv4(127, 0, 0, 1)); err != nil {
		t.Fatal(err)
	}
	l.load(ldif, strings.Join(config, "\n"))
	l.Start()
	return l
}

// Start starts the server again, where it was and with the data it had.
func (l *LDAP) Start() {
	l.t.Helper()
	if l.process != nil {
		return
	}
	dir, err := serverDir(nil)
	if err != nil {
		l.t.Fatal(err)
	}
	listen := strings.Join([]string{l.URL, l.TLSURL, l.Socket}, " ")
	if l.process, err = startServer(dir, nil, "TERM", program("slapd"), "-d", "0", "-f", l.file("slapd.conf"), "-h", listen); err != nil {
		l.t.Fatal(err)
	}
	ready := func() error {
		c, err := net.Dial("tcp", strings.TrimPrefix(l.TLSURL, "ldaps://"))
		if err == nil {
			c.Close()
		}
		return err
	}
	if err := l.process.await(ready); err != nil {
		l.t.Fatalf("start slapd: %v", err)
	}
}

// Stop ends the server. Its connections are closed.
func (l *LDAP) Stop() {
	if l.process != nil {
		l.Thaw() // or it would not hear
		l.process.stop()
		l.process = nil
	}
}

// Freeze makes the server hang: its port takes connections and nothing answers.
func (l *LDAP) Freeze() {
	l.t.Helper()
	pid := l.signal(syscall.SIGSTOP)
	for deadline := time.Now().Add(10 * time.Second); pid != "" && !frozen(pid); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			l.t.Fatal("slapd does not stop")
		}
	}
}

// Thaw lets a frozen server go on.
func (l *LDAP) Thaw() { l.signal(syscall.SIGCONT) }

// signal returns the process that it sent the signal to; "" if there is none.
func (l *LDAP) signal(s syscall.Signal) (pid string) {
	text, err := os.ReadFile(l.file("pid"))
	if err != nil {
		return "" // it has ended
	}
	pid = strings.TrimSpace(string(text))
	if n, err := strconv.Atoi(pid); err == nil {
		syscall.Kill(n, s)
	}
	return pid
}

// frozen is whether every thread of a process has stopped, which takes a moment
// after the signal. Where there is no /proc it is taken for granted.
func frozen(pid string) bool {
	threads, _ := filepath.Glob("/proc/" + pid + "/task/*/stat")
	for _, thread := range threads {
		if stat, err := os.ReadFile(thread); err == nil && !strings.Contains(string(stat), ") T ") {
			return false
		}
	}
	return true
}

func (l *LDAP) file(name string) string { return filepath.Join(l.dir, name) }

var firstDN = regexp.MustCompile(`(?m)^dn: (.+)$`)

func suffixOf(t testing.TB, ldif string) string {
	t.Helper()
	match := firstDN.FindStringSubmatch(ldif)
	if match == nil {
		t.Fatal("the LDIF has no entry")
	}
	return match[1]
}

func (l *LDAP) freeAddress() string {
	l.t.Helper()
	port, err := freePort()
	if err != nil {
		l.t.Fatal(err)
	}
	return net.JoinHostPort("127.0.0.1", port)
}

const slapdConf = `
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/dyngroup.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload dynlist
moduleload ppolicy
pidfile {dir}/pid
loglevel none
TLSCACertificateFile {dir}/ca.pem
TLSCertificateFile {dir}/server.pem
TLSCertificateKeyFile {dir}/server.key
TLSVerifyClient try
{config}

database mdb
suffix "{suffix}"
rootdn "{rootdn}"
rootpw {rootpw}
directory {dir}/data
maxsize 67108864
dbnosync
limits users size=500 size.prtotal=unlimited
index objectClass,uid,mail,member,memberUid,entryUUID eq
access to attrs=userPassword by anonymous auth by * none
access to * by users read by anonymous auth
overlay dynlist
dynlist-attrset groupOfURLs memberURL member+memberOf@groupOfNames
overlay ppolicy
ppolicy_default "cn=default,ou=policies,{suffix}"
ppolicy_use_lockout
`

// load writes the configuration and, with slapadd, the entries.
func (l *LDAP) load(ldif, config string) {
	l.t.Helper()
	text := strings.NewReplacer("{dir}", l.dir, "{config}", config, "{suffix}", l.Suffix,
		"{rootdn}", l.RootDN, "{rootpw}", l.RootPassword).Replace(slapdConf)
	if err := os.WriteFile(l.file("slapd.conf"), []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
	if err := os.Mkdir(l.file("data"), 0o700); err != nil {
		l.t.Fatal(err)
	}
	cmd := exec.Command(program("slapd"), "-T", "add", "-q", "-f", l.file("slapd.conf"))
	cmd.Stdin = strings.NewReader(ldif)
	if out, err := cmd.CombinedOutput(); err != nil {
		l.t.Fatalf("slapadd: %v\n%s", err, out)
	}
}
