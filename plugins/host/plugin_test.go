package host_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/plugins/host"
	"github.com/claimsmith/claimsmith/plugins/sdk"
)

func TestAnswers(t *testing.T) {
	p := ready(t, config(t, `{"mark": "m1"}`))

	id, err := p.Authenticate(t.Context(), login("alice"))
	if want := (sdk.Identity{Subject: "alice", Unit: "m1", Plugin: "echo"}); err != nil || !cmp.Equal(id, want) {
		t.Errorf("alice: %+v, %v", id, err)
	}
	id, err = p.Refresh(t.Context(), sdk.Identity{Subject: "alice", Username: "al"})
	if want := (sdk.Identity{Subject: "alice", Username: "al", Unit: "m1", Plugin: "echo"}); err != nil || !cmp.Equal(id, want) {
		t.Errorf("refresh: %+v, %v", id, err)
	}

	wrong := login("alice")
	wrong.Credential.Secret = "guess"
	empty := login("alice")
	empty.Credential.Secret = ""
	assertion := login("alice")
	assertion.Credential.Kind = sdk.Assertion
	for name, test := range map[string]struct {
		request sdk.Request
		want    error
	}{
		"wrong secret":         {wrong, sdk.ErrDenied},
		"empty secret":         {empty, sdk.ErrDenied},
		"unknown":              {login("nobody"), sdk.ErrUnknown},
		"kind not judged":      {assertion, sdk.ErrUnknown},
		"name is not UTF-8":    {login("\xff"), sdk.ErrDenied},
		"panic":                {login("panic"), sdk.ErrUnavailable},
		"alive after a panic ": {wrong, sdk.ErrDenied},
	} {
		if _, err := p.Authenticate(t.Context(), test.request); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		} else if strings.Contains(err.Error(), "secret-of") {
			t.Errorf("%s: the error holds the secret: %v", name, err)
		}
	}
	if _, err := p.Refresh(t.Context(), sdk.Identity{Subject: "nobody"}); !errors.Is(err, sdk.ErrDenied) {
		t.Errorf("refresh nobody: %v", err)
	}
	if _, err := p.Lookup(t.Context(), "alice"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("lookup: %v", err)
	}
	s := p.Status()
	if s.State != host.Serving || s.Version != "1.2.3" || s.Restarts != 0 || s.InFlight != 0 || s.PID == 0 {
		t.Errorf("status: %+v", s)
	}
}

func TestCallHasDeadline(t *testing.T) {
	c := config(t, "")
	c.CallTimeout = 50 * time.Millisecond
	p := ready(t, c)
	_, err := p.Authenticate(context.Background(), login("hang"))
	if !errors.Is(err, sdk.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("hang: %v", err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Authenticate(cancelled, login("alice")); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	// One that honours its deadline still has the time to say so.
	c = config(t, "")
	c.CallTimeout = time.Second
	p = ready(t, c)
	if _, err := p.Authenticate(t.Context(), login("wait")); err == nil || !strings.Contains(err.Error(), "gave up") {
		t.Errorf("wait: %v", err)
	}
}

func TestCallsInFlightAreBounded(t *testing.T) {
	c := config(t, "")
	c.MaxInFlight = 2
	p := ready(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { _, _ = p.Authenticate(ctx, login("hang")) })
	}
	eventually(t, "two in flight", func() bool { return p.Status().InFlight == 2 })
	_, err := p.Authenticate(t.Context(), login("alice"))
	if e, ok := errors.AsType[*sdk.UnavailableError](err); !ok || e.RetryAfter == 0 {
		t.Errorf("third call: %v", err)
	}
	cancel()
	wg.Wait()
	if _, err := p.Authenticate(t.Context(), login("alice")); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestNothingOfTheHostReachesThePlugin(t *testing.T) {
	t.Setenv("CLAIMSMITH_MASTER_KEY", "very secret")
	p := ready(t, config(t, `{"token": "also secret"}`))
	id, err := p.Authenticate(t.Context(), login("environment"))
	if err != nil {
		t.Fatal(err)
	}
	seen := fmt.Sprint(id.Claims)
	for _, leak := range []string{"MASTER_KEY", "very secret", "also secret", "HOME=", "PATH="} {
		if strings.Contains(seen, leak) {
			t.Errorf("%s in %s", leak, seen)
		}
	}
	if got := id.Claims["stdin"]; got != `"" <nil>` {
		t.Errorf("standard input: %v", got)
	}
}

func TestLog(t *testing.T) {
	var log syncBuffer
	c := config(t, `{"token": "ver\"y-secret"}`)
	c.Log = slog.New(slog.NewTextHandler(&log, nil))
	p := ready(t, c)
	for _, name := range []string{"log", "flood", "rubbish"} {
		if _, err := p.Authenticate(t.Context(), login(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Upgrade(t.Context(), c); err != nil { // the first process has ended and is read to the end
		t.Fatal(err)
	}
	text := log.String()
	for _, want := range []string{
		`level=WARN msg=careful plugin=echo token=[redacted] who=log`,
		`level=INFO msg="on stdout" plugin=echo`,
		`{\"@level\":5,\"@message\":7}`,
		`xxx…`,
		`msg="plugin logs too much" plugin=echo dropped_lines=`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("log lacks %s", want)
		}
	}
	if strings.Contains(text, `y-secret`) {
		t.Error("log holds the secret")
	}
	if n := strings.Count(text, "\n"); n > 5000 {
		t.Errorf("%d lines were logged", n)
	}
}

func TestStartFailures(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		change func(*host.Config)
		want   []string
	}{
		"refused configuration": {
			func(c *host.Config) {
				c.Settings = []byte(`{"token": "hunter22", "refuse": "cannot log in with hunter22 (hunter%32%32)"}`)
				c.Secrets = []string{"hunter22"}
			},
			[]string{"configure plugin echo: cannot log in with [redacted]"},
		},
		"every string is a secret": {
			func(c *host.Config) { c.Settings = []byte(`{"token": "hunter22", "refuse": "hunter22"}`) },
			[]string{"configure plugin echo: [redacted]"},
		},
		"exits":        {func(c *host.Config) { c.Builtin = "broken" }, []string{"exit status 4", "libfancy.so is missing"}},
		"says nothing": {func(c *host.Config) { c.Builtin = "mute"; c.StartTimeout = 300 * time.Millisecond }, []string{"not ready after 300ms"}},
		"wrong hash": {
			func(c *host.Config) {
				c.Builtin, c.Command, c.SHA256 = "", []string{self, "plugin", "serve", "echo"}, strings.Repeat("ab", 32)
			},
			[]string{"has sha256", "not abab"},
		},
		"no plugin": {
			func(c *host.Config) { c.Builtin, c.Command, c.InsecureUnpinned = "", []string{"/bin/true"}, true },
			[]string{"start plugin echo: it ended before it served: exit status 0"},
		},
		"another protocol": {says("1|2|unix|/x|grpc|"), []string{"Plugin version: 2, Client versions: [1]"}},
		"no protocol":      {says("ready!"), []string{"start plugin echo: Unrecognized remote plugin message"}},
		"net/rpc":          {says("1|1|unix|$PLUGIN_UNIX_SOCKET_DIR/x|netrpc|"), []string{"netrpc"}},
		"elsewhere":        {says("1|1|tcp|127.0.0.1:1|grpc|"), []string{"does not listen on a Unix socket in its directory"}},
		"no certificate":   {says("1|1|unix|$PLUGIN_UNIX_SOCKET_DIR/x|grpc|"), []string{"it sent no certificate; hint: turn AutoMTLS off"}},
		"endless line":     {says("$(/usr/bin/head -c 100000 /dev/zero | /usr/bin/tr '\\0' x)"), []string{"start plugin echo: "}},
		"not there": {
			func(c *host.Config) { c.Builtin, c.Command, c.InsecureUnpinned = "", []string{"/no/such"}, true },
			[]string{"no such file"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := config(t, "")
			test.change(&c)
			p := run(t, c)
			err := p.Ready(t.Context())
			for _, want := range test.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("Ready: %v, want %s", err, want)
				}
			}
			if err != nil && strings.Contains(err.Error(), "hunter22") {
				t.Errorf("Ready: %v", err)
			}
			if _, err := p.Authenticate(t.Context(), login("alice")); !errors.Is(err, sdk.ErrUnavailable) {
				t.Errorf("Authenticate: %v", err)
			}
		})
	}
}

// says makes a plugin of a script that prints a line and waits.
func says(line string) func(*host.Config) {
	return func(c *host.Config) {
		c.Builtin, c.InsecureUnpinned, c.StartTimeout = "", true, 10*time.Second
		c.Command = []string{"/bin/sh", "-c", `echo "` + line + `"; exec /bin/sleep 1000`}
	}
}

func TestNewChecksConfig(t *testing.T) {
	for want, c := range map[string]host.Config{
		"name \"\"":         {Builtin: "x"},
		"either a built-in": {Name: "x"},
		"hint: set sha256":  {Name: "x", Command: []string{"/bin/x"}},
		"want a path":       {Name: "x", Command: []string{"x"}, InsecureUnpinned: true},
		"64 hexadecimal":    {Name: "x", Command: []string{"/x"}, SHA256: "12"},
		"contradict":        {Name: "x", Command: []string{"/x"}, SHA256: strings.Repeat("00", 32), InsecureUnpinned: true},
		"is not pinned":     {Name: "x", Builtin: "x", SHA256: strings.Repeat("00", 32)},
		"not JSON":          {Name: "x", Builtin: "x", Settings: []byte("{")},
		"too long":          {Name: "x", Builtin: "x", Dir: strings.Repeat("/deep", 20)},
		"negative":          {Name: "x", Builtin: "x", CallTimeout: -1},
	} {
		if _, err := host.New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %s: %v", want, err)
		}
	}
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
