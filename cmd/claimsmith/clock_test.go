package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/internal/servertest"
)

// Clocks that differ by less than skew harm nothing: replicas that are ahead and
// behind take turns, and services that are ahead and behind verify.
func TestClocksThatDiffer(t *testing.T) {
	if !long() && os.Getenv("CLAIMSMITH_TEST_ALL") != "1" {
		t.Skip("needs a build of the standard library: CLAIMSMITH_TEST_LONG=1 or CLAIMSMITH_TEST_ALL=1")
	}
	const tolerant = `
    access_token: {lifetime: 20s}
    keys: {rotate_every: 5s, announce: 4s, jwks_max_age: 1s, skew: 2500ms, retain: 30s}
    clients:
      - {id: load, secret: {file: load.secret}, grants: [client_credentials]}
`
	binary := buildWithClock(t)
	front := newFront(t)
	dir := newRotatingSite(t, front.address, servertest.PostgreSQL(t), tolerant)
	var first *program
	for i, clock := range []string{"0s", "1200ms", "-1200ms"} {
		p := startAt(t, binary, dir, front.replicas[i], clock)
		p.await("ready", p.isReady)
		if first == nil {
			first = p
		}
	}
	issuer := *first
	issuer.URL = "http://" + front.address
	l := newRelyingLoad(t, &issuer)
	for name, clock := range map[string]string{"relying-node, ahead": "+1.2s", "relying-node, behind": "-1.2s"} {
		if _, err := exec.LookPath("faketime"); err != nil {
			servertest.Missing(t, "faketime is not installed (Debian: apt-get install faketime)")
		}
		l.services[name] = bearer(startRelyingNode(t, issuer.URL, "faketime", "-f", clock))
	}
	l.run(t, func(ctx context.Context) { <-ctx.Done() })

	wrong := startAt(t, binary, dir, freeAddress(t), "-60s")
	wrong.await("the replica to say that its clock is wrong", func() bool {
		ready, why := wrong.ready()
		if ready {
			t.Fatalf("a replica that is a minute behind calls itself ready: %s", why)
		}
		return strings.Contains(why, "clocks differ") && strings.Contains(wrong.log.String(), "clocks differ")
	})
}

// startAt starts a program whose clock is off, and does not wait for it.
func startAt(t *testing.T, binary, dir, listen, clock string) *program {
	t.Helper()
	admin := freeAddress(t)
	p := &program{t: t, URL: "http://" + listen, Admin: "http://" + admin, log: new(logBuffer), done: make(chan error, 1)}
	p.cmd = exec.Command(binary, "serve", "--config", "claimsmith.yaml", "--listen", listen, "--admin", admin)
	p.cmd.Dir, p.cmd.Stderr = dir, p.log
	p.cmd.Env = append(os.Environ(), "CLAIMSMITH_CLOCK="+clock)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.done <- p.cmd.Wait() }()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		if t.Failed() {
			t.Logf("log of the server whose clock is off by %s:\n%s", clock, p.log)
		}
	})
	return p
}

// buildWithClock builds the program so that its clock is off by what
// CLAIMSMITH_CLOCK says. libfaketime cannot do that: a Go program asks the
// kernel for the time and not the C library. So the build gets another time.Now.
func buildWithClock(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	source := filepath.Join(strings.TrimSpace(string(root)), "src", "time", "time.go")
	text, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	const read = "sec, nsec, mono := runtimeNow()"
	patched := strings.Replace(string(text), read, read+`
	shifted := sec*1e9 + int64(nsec) + int64(clockShift)
	sec, nsec = shifted/1e9, int32(shifted%1e9)`, 1)
	if patched == string(text) {
		t.Fatalf("%s has no %q", source, read)
	}
	patched += `
var clockShift = func() Duration {
	text, _ := syscall.Getenv("CLAIMSMITH_CLOCK")
	d, _ := ParseDuration(text)
	return d
}()
`
	patched = strings.Replace(patched, "import (", "import (\n\t\"syscall\"", 1)
	writeFile(t, dir, "time.go", patched)
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{source: filepath.Join(dir, "time.go")}})
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir, "overlay.json", string(overlay))
	binary := filepath.Join(dir, "claimsmith")
	if out, err := exec.Command("go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return binary
}
