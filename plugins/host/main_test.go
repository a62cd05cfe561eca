package host_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/plugins/host"
	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// The test binary is also the plugin that it tests, and a host to be killed.
func TestMain(m *testing.M) {
	switch strings.Join(os.Args[1:min(len(os.Args), 4)], " ") {
	case "plugin serve echo":
		sdk.Serve(&echo{})
		syscall.Exit(0) // os.Exit waits for a second under the race detector: no GORACE reaches a plugin
	case "plugin serve foreign":
		serveForeign()
	case "plugin serve mute":
		select {}
	case "plugin serve broken":
		fmt.Fprintln(os.Stderr, "libfancy.so is missing")
		os.Exit(4)
	case "plugin serve host":
		runHost()
	default:
		os.Exit(m.Run())
	}
}

// runHost runs a plugin for ever and tells its process id.
func runHost() {
	p, err := host.New(host.Config{Name: "echo", Builtin: "echo", Dir: os.Args[4], Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		panic(err)
	}
	go p.Run(context.Background())
	if err := p.Ready(context.Background()); err != nil {
		panic(err)
	}
	fmt.Println(p.Status().PID)
	select {}
}

// echo knows everyone but nobody: the secret of NAME is secret-of-NAME. What else a name
// does is in Authenticate.
type echo struct {
	Mark   string // told in every identity
	Token  string // a secret
	Refuse string // Configure fails with this
	Slow   time.Duration
	Diary  string // a file: who made it end
}

func (e *echo) Describe() sdk.Description {
	return sdk.Description{Name: "echo", Version: "1.2.3", Kinds: []sdk.Kind{sdk.Password, sdk.APIKey}}
}

func (e *echo) Configure(_ context.Context, config json.RawMessage) error {
	d := json.NewDecoder(bytes.NewReader(config))
	d.DisallowUnknownFields()
	if err := d.Decode(e); err != nil {
		return err
	}
	if e.Refuse != "" {
		return errors.New(e.Refuse)
	}
	return nil
}

func (e *echo) Authenticate(ctx context.Context, r sdk.Request) (sdk.Identity, error) {
	name, claims := r.Credential.Username, map[string]any{}
	if strings.HasPrefix(name, "nobody") {
		return sdk.Identity{}, sdk.ErrUnknown
	}
	if strings.HasPrefix(name, "die-") {
		e.die(name)
	}
	switch name {
	case "panic":
		panic("with " + r.Credential.Secret.Reveal())
	case "exit":
		os.Exit(3)
	case "hang":
		select {}
	case "wait":
		<-ctx.Done()
		return sdk.Identity{}, sdk.Unavailable(errors.New("gave up"))
	case "environment":
		claims["environment"], claims["arguments"] = os.Environ(), os.Args
		claims["uid"], claims["gid"] = os.Getuid(), os.Getgid()
		claims["groups"], _ = os.Getgroups()
		stdin, err := io.ReadAll(os.Stdin)
		claims["stdin"] = fmt.Sprintf("%q %v", stdin, err)
	case "child":
		cmd := exec.Command("/bin/sleep", "1000")
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			return sdk.Identity{}, err
		}
		claims["pid"] = cmd.Process.Pid
	case "log":
		slog.Warn("careful", "who", name, "token", e.Token)
		fmt.Println("on stdout")
		fmt.Fprintln(os.Stderr, `{"@level":5,"@message":7}`)
		fmt.Fprintln(os.Stderr, strings.Repeat("x", 100_000))
	case "huge":
		claims["big"] = strings.Repeat("x", sdk.MaxClaims)
		return sdk.Identity{Subject: name, Claims: claims}, nil
	case "leak":
		claims["leaked"] = leak()
	case "flood":
		for i := range 200_000 {
			fmt.Fprintln(os.Stderr, "line", i)
		}
	case "rubbish":
		rubbish := make([]byte, 64<<10)
		for i := range rubbish {
			rubbish[i] = byte(i*i>>3) | 0x80 // no newline in it
		}
		for range 256 {
			_, _ = os.Stderr.Write(rubbish)
		}
	}
	select {
	case <-time.After(e.Slow):
	case <-ctx.Done():
		return sdk.Identity{}, ctx.Err()
	}
	if r.Credential.Secret.Reveal() != "secret-of-"+name {
		return sdk.Identity{}, sdk.Denied(sdk.Invalid)
	}
	return sdk.Identity{Subject: name, Unit: e.Mark, Claims: claims, Plugin: "forged"}, nil
}

// die notes who made the process end, and ends it.
func (e *echo) die(name string) {
	f, err := os.OpenFile(e.Diary, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	fmt.Fprintln(f, name)
	os.Exit(3)
}

// leak opens files until there is no descriptor left, and returns how many.
func leak() (n int) {
	_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 256, Max: 256})
	for {
		if _, err := syscall.Open(os.DevNull, syscall.O_RDONLY, 0); err != nil {
			return n
		}
		n++
	}
}

func (e *echo) Refresh(_ context.Context, id sdk.Identity) (sdk.Identity, error) {
	if strings.HasPrefix(id.Subject, "nobody") {
		return sdk.Identity{}, sdk.Denied(sdk.Disabled)
	}
	id.Unit = e.Mark
	return id, nil
}

func config(t testing.TB, settings string) host.Config {
	return host.Config{
		Name:     "echo",
		Builtin:  "echo",
		Settings: json.RawMessage(cmp.Or(settings, "{}")),
		Dir:      t.TempDir(),
		Log:      slog.New(slog.DiscardHandler),
	}
}

// run runs a plugin until the test ends; nothing may be left of it then.
func run(t testing.TB, c host.Config) *host.Plugin {
	t.Helper()
	p, err := host.New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		if left, _ := os.ReadDir(c.Dir); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
	return p
}

func ready(t testing.TB, c host.Config) *host.Plugin {
	t.Helper()
	p := run(t, c)
	if err := p.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

func login(name string) sdk.Request {
	return sdk.Request{Credential: sdk.Credential{
		Kind: sdk.Password, Username: name, Secret: sdk.Secret("secret-of-" + name),
	}}
}

// eventually waits for a condition that another process brings about.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	timeout := time.After(30 * time.Second)
	for tick := time.Tick(5 * time.Millisecond); !holds(); {
		select {
		case <-tick:
		case <-timeout:
			t.Fatalf("never: %s", what)
		}
	}
}

// signal sends a signal to a plugin's process. While none serves its id is 0, which to
// the kernel is whoever runs the tests.
func signal(t testing.TB, pid int, s syscall.Signal) {
	t.Helper()
	if pid <= 0 {
		t.Fatal("no process serves")
	}
	_ = syscall.Kill(pid, s)
}

func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, os.ErrNotExist) {
		return syscall.Kill(pid, 0) == nil
	}
	return !strings.Contains(string(stat), ") Z ") // nobody reaps orphans in some containers
}
