package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program is a running server that a test started.
type program struct {
	t     testing.TB
	cmd   *exec.Cmd
	URL   string // of the issuer
	Admin string
	log   *logBuffer
	done  chan error
}

// logBuffer holds what a program wrote to standard error.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// command returns a command of the program in dir.
func command(t testing.TB, dir string, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}

// claimsmith runs a command of the program in dir to its end and returns what
// it printed.
func claimsmith(t testing.TB, dir string, args ...string) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd := command(t, dir, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("claimsmith %s: %v\n%s", strings.Join(args, " "), err, &stderr)
	}
	return string(out)
}

// start starts the server with the configuration of dir/claimsmith.yaml, in
// which LISTEN stands for a free address, and waits until it is ready.
func start(t testing.TB, dir, listen string, args ...string) *program {
	t.Helper()
	p := launch(t, dir, listen, args...)
	p.await("ready", p.isReady)
	return p
}

// launch starts the server as start does, and does not wait.
func launch(t testing.TB, dir, listen string, args ...string) *program {
	t.Helper()
	admin := freeAddress(t)
	p := &program{t: t, URL: "http://" + listen, Admin: "http://" + admin, log: new(logBuffer), done: make(chan error, 1)}
	p.cmd = command(t, dir, append([]string{"serve", "--config", "claimsmith.yaml", "--listen", listen, "--admin", admin}, args...)...)
	p.cmd.Stderr = p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.done <- p.cmd.Wait() }()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		if strings.Contains(p.log.String(), "DATA RACE") { // of a plugin's process too, whose end tells nothing
			t.Error("the server has a data race")
		}
		if t.Failed() {
			t.Logf("log of the server:\n%s", p.log)
		}
	})
	return p
}

// ready asks whether the program is ready, and what it says of it.
func (p *program) ready() (ready bool, why string) {
	resp, err := http.Get(p.Admin + "/readyz")
	if err != nil {
		return false, err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return err == nil && resp.StatusCode == http.StatusOK, string(text)
}

func (p *program) isReady() bool { ready, _ := p.ready(); return ready }

// await waits for a condition, and fails the test when it does not come or the
// server ends first.
func (p *program) await(what string, ok func() bool) {
	p.t.Helper()
	deadline := time.After(30 * time.Second)
	for !ok() {
		select {
		case err := <-p.done:
			p.t.Fatalf("waiting for %s: the server ended: %v\n%s", what, err, p.log)
		case <-deadline:
			p.t.Fatalf("waiting for %s: 30 s have passed\n%s", what, p.log)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// stop ends the server as an operator does, and checks that it ends well.
func (p *program) stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	select {
	case err := <-p.done:
		if err != nil {
			p.t.Errorf("the server ended with %v\n%s", err, p.log)
		}
	case <-time.After(30 * time.Second):
		p.t.Fatal("the server does not end")
	}
}

// kill ends the server as a power cut does.
func (p *program) kill() {
	p.t.Helper()
	p.cmd.Process.Kill()
	<-p.done
}

// signalPlugin sends a signal to a plugin's process. While none serves its id is 0, which to
// the kernel is whoever runs the tests.
func signalPlugin(t testing.TB, pid int, s syscall.Signal) {
	t.Helper()
	if pid <= 0 {
		t.Fatal("the plugin has no process")
	}
	if err := syscall.Kill(pid, s); err != nil {
		t.Fatal(err)
	}
}

// reply is what the token endpoint answered.
type reply struct {
	Status           int
	AccessToken      string `json:"access_token"`
	RefreshToken     string `json:"refresh_token"`
	Scope            string `json:"scope"`
	Error            string `json:"error"`
	ErrorDescription string `json:"error_description"`
	RetryAfter       string
}

// token asks the token endpoint; parameters are NAME=VALUE.
func (p *program) token(client, secret string, parameters ...string) reply {
	p.t.Helper()
	r, err := p.tryToken(p.t.Context(), client, secret, parameters...)
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

func (p *program) tryToken(ctx context.Context, client, secret string, parameters ...string) (reply, error) {
	form := url.Values{}
	for _, parameter := range parameters {
		name, value, _ := strings.Cut(parameter, "=")
		form.Add(name, value)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL+"/oauth2/token", strings.NewReader(form.Encode()))
	if err != nil {
		return reply{}, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(url.QueryEscape(client), url.QueryEscape(secret))
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return reply{}, err
	}
	answer := reply{Status: resp.StatusCode, RetryAfter: resp.Header.Get("Retry-After")}
	if err := json.Unmarshal(body, &answer); err != nil {
		return answer, fmt.Errorf("answer %q: %w", body, err)
	}
	return answer, nil
}

// given are the addresses that freeAddress has returned.
var given sync.Map

// freeAddress returns a loopback address on which nobody listens, and which no other
// test gets.
func freeAddress(t testing.TB) string {
	t.Helper()
	for {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := l.Addr().String()
		l.Close()
		if _, again := given.LoadOrStore(address, true); !again {
			return address
		}
	}
}

// writeFile writes a file of a test, below dir.
func writeFile(t testing.TB, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
