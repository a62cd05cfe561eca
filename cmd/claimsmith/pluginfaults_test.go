package main

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/internal/servertest"
)

// rounds are how often faults are tried: as docs/plugins.md tells with
// CLAIMSMITH_TEST_LONG=1, a few times otherwise.
func rounds() (kills, upgrades int) {
	if os.Getenv("CLAIMSMITH_TEST_LONG") != "" {
		return 50, 20
	}
	return 6, 4
}

// TestFaultsOfPluginsUnderLoad does to a plugin of the running server what
// happens to plugins, while 64 callers log in without a pause. No answer is
// ever wrong, and its log has the table of docs/plugins.md.
func TestFaultsOfPluginsUnderLoad(t *testing.T) {
	dir := newSite(t, "127.0.0.1:0", "", "")
	site := partner{dir: dir, listen: freeAddress(t), mark: "first"}
	site.path, site.sha256 = newFaulty(t, "1")
	newFaulty(t, "2") // is built before there is a load
	site.write(t)
	out := claimsmith(t, dir, "client", "create", "portal", "--config", "claimsmith.yaml", "--grant", "password")
	p := start(t, dir, site.listen)
	l := startLoad(t, p, field(t, out, "client_secret"))
	f := &faults{t: t, site: site, p: p, load: l, client: l.client}

	f.try("kill -9", f.killed)
	f.try("upgrade", f.upgraded)
	f.try("hang", f.hung)
	f.try("harm inside", f.harmed)
	f.try("leak", f.leaked)
	f.try("flood", f.flooded)
	f.try("wrong hash", f.replaced)
	l.end()
	t.Logf("what was tried and seen:\n%s", &f.table)
}

// faults are done one after the other to one plugin under one load.
type faults struct {
	t      *testing.T
	site   partner
	p      *program
	load   *load
	client string
	table  table
}

// try does a fault as a subtest, from calm to calm.
func (f *faults) try(name string, fault func(t *testing.T)) {
	f.t.Run(name, func(t *testing.T) {
		f.load.settle(3)
		fault(t)
		f.load.settle(3)
	})
}

// killed ends the plugin's process again and again.
func (f *faults) killed(t *testing.T) {
	kills, _ := rounds()
	before := f.load.tally()
	var recovery []time.Duration
	for range kills {
		pid := f.site.status(t).PID
		begin := time.Now()
		signalPlugin(t, pid, syscall.SIGKILL)
		f.load.awaitOther(pid)
		recovery = append(recovery, time.Since(begin))
		f.load.settle(3)
	}
	a := f.load.tally().since(before)
	slices.Sort(recovery)
	longest := recovery[kills-1]
	f.table.row("`kill -9` of the plugin, "+times(kills), a, "first token of the successor after %v at the median, %v at most",
		recovery[kills/2].Round(time.Millisecond), longest.Round(time.Millisecond))
	if a.wrong != 0 {
		t.Errorf("%d wrong answers", a.wrong)
	}
	// Those that had reached the dead process fail once; those that came later waited.
	if longest < time.Second && a.unavailable > int64(kills*callers) {
		t.Errorf("%d logins failed over %d deaths, more than one of each caller", a.unavailable, kills)
	}
	if got := f.site.status(t).Restarts; got != int64(kills) {
		t.Errorf("%d restarts of %d kills", got, kills)
	}
}

// upgraded gives the plugin another configuration again and again.
func (f *faults) upgraded(t *testing.T) {
	_, upgrades := rounds()
	before := f.load.tally()
	for n := range upgrades {
		f.site.mark = "mark-" + strings.Repeat("i", n)
		f.site.write(t)
		pid := f.site.status(t).PID
		now, err := f.site.upgrade(t)
		if err != nil {
			t.Fatal(err)
		}
		if now.PID == pid || syscall.Kill(pid, 0) == nil {
			t.Errorf("after the upgrade process %d serves, and %d has not ended", now.PID, pid)
		}
		if told := f.load.awaitOther(pid); told.mark != f.site.mark {
			t.Errorf("after the upgrade tokens say %s, not %s", told.mark, f.site.mark)
		}
		f.load.settle(1)
	}
	a := f.load.tally().since(before)
	f.table.row("`plugin upgrade`, "+times(upgrades), a, "not one login lost")
	if a.unavailable != 0 || a.wrong != 0 {
		t.Errorf("%d logins were lost, %d answers were wrong", a.unavailable, a.wrong)
	}
}

// hung stops the process, which holds its connection and answers nobody.
func (f *faults) hung(t *testing.T) {
	before, pid, begin := f.load.tally(), f.site.status(t).PID, time.Now()
	signalPlugin(t, pid, syscall.SIGSTOP)
	f.load.awaitOther(pid)
	took := time.Since(begin)
	f.load.settle(1)
	a := f.load.tally().since(before)
	f.table.row("the plugin hangs (`kill -STOP`)", a, "found out, killed and replaced after %v, with a `timeout` of 1 s",
		took.Round(100*time.Millisecond))
	if last := f.site.status(t).LastError; a.wrong != 0 || !strings.Contains(last, "it hangs") && !strings.Contains(last, "without an answer") {
		t.Errorf("%d wrong answers; the plugin's last error is %q", a.wrong, last)
	}
}

// harmed asks for people over whom the plugin fails in one call.
func (f *faults) harmed(t *testing.T) {
	for name, seen := range map[string]string{
		"panic": "503 for that login, nothing for the others",
		"huge":  "503 for that login, nothing for the others",
	} {
		before, pid := f.load.tally(), f.site.status(t).PID
		for range 10 {
			if r := f.ask(name); r.Status != http.StatusServiceUnavailable {
				t.Errorf("%s: %+v", name, r)
			}
		}
		f.load.settle(1)
		a := f.load.tally().since(before)
		what := "a panic inside a call, 10 times"
		if name == "huge" {
			what = "1 MiB of claims, 10 times"
		}
		f.table.row(what, a, "%s", seen)
		if a.unavailable != 0 || a.wrong != 0 || f.site.status(t).PID != pid {
			t.Errorf("%s: others saw %+v", name, a)
		}
	}
	before := f.load.tally()
	if r := f.ask("hang"); r.Status != http.StatusServiceUnavailable {
		t.Errorf("hang: %+v", r)
	}
	f.load.settle(1)
	a := f.load.tally().since(before)
	f.table.row("one login never gets an answer", a, "503 for it at its deadline, nothing for the others")
	if a.unavailable != 0 || a.wrong != 0 {
		t.Errorf("hang: others saw %+v", a)
	}
}

// leaked lets the plugin use up its file descriptors.
func (f *faults) leaked(t *testing.T) {
	before := f.load.tally()
	if r := f.ask("leak"); r.Status != http.StatusOK {
		t.Errorf("leak: %+v", r)
	}
	f.load.settle(3)
	pid := f.site.status(t).PID
	if _, err := f.site.upgrade(t); err != nil {
		t.Error(err)
	}
	f.load.awaitOther(pid)
	f.load.settle(1)
	a := f.load.tally().since(before)
	f.table.row("the plugin leaks every file descriptor it may have", a, "it goes on answering on its connection; `plugin upgrade` replaces it without a loss")
	if a.unavailable != 0 || a.wrong != 0 {
		t.Errorf("others saw %+v", a)
	}
}

// flooded lets the plugin write 100,000 lines.
func (f *faults) flooded(t *testing.T) {
	before, logged := f.load.tally(), strings.Count(f.p.log.String(), "\n")
	f.ask("flood") // which may be late itself
	f.load.settle(3)
	a := f.load.tally().since(before)
	lines := strings.Count(f.p.log.String(), `"plugin":"partner"`)
	f.table.row("the plugin writes 100,000 lines to standard error", a, "some hundred are logged, the rest counted")
	if a.unavailable != 0 || a.wrong != 0 || lines == 0 || lines > logged+5000 {
		t.Errorf("others saw %+v; %d lines in the log", a, lines)
	}
}

// replaced puts another executable in the place of the pinned one.
func (f *faults) replaced(t *testing.T) {
	before, pid := f.load.tally(), f.site.status(t).PID
	next, hash := newFaulty(t, "2")
	if err := os.Rename(next, f.site.path); err != nil {
		t.Fatal(err)
	}
	if _, err := f.site.upgrade(t); err == nil || !strings.Contains(err.Error(), "has sha256 "+hash) {
		t.Errorf("upgrade to an executable with another hash: %v", err)
	}
	f.load.settle(1)
	if got := f.site.status(t); got.PID != pid || got.SHA256 != f.site.sha256 {
		t.Errorf("after the refusal %+v serves", got)
	}
	f.site.sha256 = hash
	f.site.write(t)
	now, err := f.site.upgrade(t)
	if err != nil || now.SHA256 != hash {
		t.Errorf("upgrade to the executable with its hash: %+v, %v", now, err)
	}
	f.load.settle(1)
	a := f.load.tally().since(before)
	f.table.row("the executable has another hash than is pinned", a, "not started, the old one goes on serving; with the new hash in the file the upgrade succeeds")
	if a.unavailable != 0 || a.wrong != 0 {
		t.Errorf("others saw %+v", a)
	}
}

// directory is an LDIF of every caller of a load, whose entries tell a mark.
func directory(mark string) string {
	var b strings.Builder
	b.WriteString("dn: dc=example,dc=com\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: Acme\n")
	for i := range callers {
		name := callerName(i)
		fmt.Fprintf(&b, "\ndn: uid=%s,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: %[1]s\nsn: x\ncn: %s\nuserPassword: secret-of-%[1]s\n", name, mark)
	}
	return b.String()
}

// TestDirectoriesFailUnderLoad stops and starts the servers of a directory.
func TestDirectoriesFailUnderLoad(t *testing.T) {
	first, second := servertest.Slapd(t, directory("first")), servertest.Slapd(t, directory("second"))
	listen := freeAddress(t)
	dir := newSite(t, listen, "", `    claims: {mark: "${identity.name}"}`+"\n")
	writeFile(t, dir, "ldap.password", first.RootPassword)
	text := readFile(t, dir, "claimsmith.yaml")
	text = strings.Replace(text, "  people: {use: database}", fmt.Sprintf(`  people:
    use: ldap
    timeout: 2s
    config: {urls: [%q, %q], bind_dn: %q, bind_password: {file: ldap.password}, base: %q, attributes: {subject: uid}}`,
		first.URL, second.URL, first.RootDN, first.Suffix), 1)
	writeFile(t, dir, "claimsmith.yaml", text)
	out := claimsmith(t, dir, "client", "create", "portal", "--config", "claimsmith.yaml", "--grant", "password")
	p := start(t, dir, listen)
	l := startLoad(t, p, field(t, out, "client_secret"))
	l.await("a token by the first directory", func(told token) bool { return told.mark == "first" })
	l.settle(3)

	var b table
	observe := func(tried, seen string, change func(), mark string) {
		before, begin := l.tally(), time.Now()
		change()
		l.await("a token by the "+mark+" directory", func(told token) bool { return told.mark == mark })
		took := time.Since(begin)
		l.settle(1)
		a := l.tally().since(before)
		b.row(tried, a, seen, took.Round(time.Millisecond))
		if a.wrong != 0 {
			t.Errorf("%s: %d wrong answers", tried, a.wrong)
		}
	}
	observe("`slapd` stopped, a second one stands by", "first token by the second after %v", first.Stop, "second")
	observe("and started again", "first token by the first after %v", first.Start, "first")
	observe("both stopped, and the second started", "first token after %v", func() {
		first.Stop()
		second.Stop()
		failed := l.unavailable.Load()
		p.await("logins to fail", func() bool { return l.unavailable.Load() > failed+callers })
		l.last.Store(nil)
		for len(l.seen) > 0 {
			<-l.seen
		}
		second.Start()
	}, "second")
	l.end()
	t.Logf("what was tried and seen:\n%s", &b)
}

func (f *faults) ask(name string) reply {
	return f.p.token("portal", f.client, "grant_type=password", "username="+name, "password=secret-of-"+name)
}

func times(n int) string { return strconv.Itoa(n) + " times" }
