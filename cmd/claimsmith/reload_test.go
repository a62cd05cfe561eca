package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// edit replaces a text of the site's configuration.
func edit(t *testing.T, dir, old, new string) {
	t.Helper()
	path := filepath.Join(dir, "claimsmith.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		t.Fatalf("no %q in the configuration", old)
	}
	writeFile(t, dir, "claimsmith.yaml", strings.Replace(string(text), old, new, 1))
}

// underLoad logs in with both kinds of secret until the end of the test, and
// reports every answer that is not good.
func underLoad(t *testing.T, p *program, client, password string) (served *atomic.Int64, stop func()) {
	served = new(atomic.Int64)
	var group sync.WaitGroup
	done := make(chan struct{})
	for i := range 6 {
		parameters := []string{"grant_type=client_credentials"}
		if i%2 == 0 {
			parameters = []string{"grant_type=password", "username=alice", "password=" + password}
		}
		group.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				r, err := p.tryToken(t.Context(), "portal", client, parameters...)
				if err != nil || r.Status != http.StatusOK {
					t.Errorf("%s: %+v, %v", parameters[0], r, err)
					return
				}
				served.Add(1)
			}
		})
	}
	return served, func() { close(done); group.Wait() }
}

func TestReloadLosesNoRequest(t *testing.T) {
	t.Parallel()
	listen := freeAddress(t)
	dir := newSite(t, listen, "", "    claims: {version: 1}\n")
	secrets := populate(t, dir)
	p := start(t, dir, listen)
	version := func() any {
		claims, err := p.verify(p.token("portal", secrets.client, "grant_type=client_credentials").AccessToken)
		if err != nil {
			t.Fatal(err)
		}
		return claims["version"]
	}
	pid := pluginPID(t, p, "people")
	served, stop := underLoad(t, p, secrets.client, secrets.password)
	more := func() {
		before := served.Load()
		p.await("more logins", func() bool { return served.Load() > before+40 })
	}
	more()

	edit(t, dir, "version: 1", "version: 2")
	out := claimsmith(t, dir, "config", "reload", "--config", "claimsmith.yaml")
	if want := "claimsmith.yaml: in use, 1 issuers, 2 plugins; started: -; stopped: -\n"; out != want {
		t.Errorf("reload prints %q, want %q", out, want)
	}
	if v := version(); v != 2.0 {
		t.Errorf("version %v after the first reload", v)
	}
	more()

	edit(t, dir, "people: {use: database}", "people: {use: database, timeout: 6s}")
	edit(t, dir, "version: 2", "version: 3")
	out = claimsmith(t, dir, "config", "reload", "--config", "claimsmith.yaml")
	if !strings.Contains(out, "started: people; stopped: people") || version() != 3.0 {
		t.Errorf("reload with another plugin prints %q, version %v", out, version())
	}
	if again := pluginPID(t, p, "people"); again == pid {
		t.Error("a plugin whose configuration changed is still the same process")
	}
	p.await("the end of the process before", func() bool { return syscall.Kill(pid, 0) != nil })
	more()

	edit(t, dir, "version: 3", "version: 4")
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	p.await("the reload by SIGHUP", func() bool { return version() == 4.0 })
	more()
	stop()
	p.stop()
}

func TestAFaultyFileChangesNothing(t *testing.T) {
	t.Parallel()
	listen := freeAddress(t)
	dir := newSite(t, listen, "", "    claims: {version: 1}\n")
	secrets := populate(t, dir)
	p := start(t, dir, listen)
	good, err := os.ReadFile(filepath.Join(dir, "claimsmith.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	_, stop := underLoad(t, p, secrets.client, secrets.password)
	for name, tt := range map[string]struct{ old, new, want string }{
		"a key that nobody knows":    {"claims:", "claim:", `claimsmith.yaml:`},
		"a plugin that cannot start": {"keys: {use: apikey}", "keys: {use: apikey}\n  bad: {command: [/bin/false], insecure_unpinned: true}", "start plugin bad"},
		"another storage":            {"sqlite:claimsmith.db", "sqlite:other.db", "storage cannot change while the server runs"},
		"an algorithm in use":        {"    claims:", "    keys: {algorithms: [ES256, none]}\n    claims:", "none"},
	} {
		writeFile(t, dir, "claimsmith.yaml", string(good))
		edit(t, dir, tt.old, tt.new)
		edit(t, dir, "version: 1", "version: 2")
		if out := refused(t, dir, "config", "reload", "--config", "claimsmith.yaml"); !strings.Contains(out, tt.want) {
			t.Errorf("%s: the command says %q, want %q in it", name, out, tt.want)
		}
		claims, err := p.verify(p.token("portal", secrets.client, "grant_type=client_credentials").AccessToken)
		if err != nil || claims["version"] != 1.0 {
			t.Errorf("%s: version %v, %v", name, claims["version"], err)
		}
		if running := p.plugins(dir); len(running) != 2 {
			t.Errorf("%s: plugins %v", name, running)
		}
	}
	stop()
}

func TestWhatIsSeenChangesAtAReload(t *testing.T) {
	t.Parallel()
	collector, spans := newCollector(t)
	listen := freeAddress(t)
	dir := newSite(t, listen, "", "log: {level: error}\ntracing: {endpoint: \""+collector+"\", sample: 0}\n")
	secrets := populate(t, dir)
	p := start(t, dir, listen)
	ask := func() { p.token("portal", secrets.client, "grant_type=client_credentials") }
	ask()
	edit(t, dir, "level: error", "level: info")
	edit(t, dir, "sample: 0", "sample: 1")
	claimsmith(t, dir, "config", "reload", "--config", "claimsmith.yaml")
	ask()
	p.stop() // sends what is left
	if n := strings.Count(p.log.String(), `"msg":"request"`); n != 1 {
		t.Errorf("%d requests are logged, want the one after the reload", n)
	}
	traced := 0
	for _, s := range spans() {
		if s.Name == "POST token" {
			traced++
		}
	}
	if traced != 1 {
		t.Errorf("%d requests are traced, want the one after the reload", traced)
	}
}
