package load

import (
	"bytes"
	"context"
	_ "embed" // the scripts
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Target is what is asked, and how.
type Target struct {
	URL         string
	Connections int
	// Basic authenticates the client; "" for nobody.
	User, Password string
	// Bodies are posts of forms, or of JSON, asked in turn; none is a GET.
	Bodies []string
	JSON   bool
	// Follow makes each answer's refresh_token the next body's: Bodies are then
	// refresh tokens, at least two for each connection.
	Follow bool
}

//go:embed cycle.lua
var cycleScript string

//go:embed follow.lua
var followScript string

//go:embed done.lua
var doneScript string

// ErrNoWrk is that the load generator is not installed.
var ErrNoWrk = errors.New("wrk is not installed (Debian: apt-get install wrk)")

// Find returns an error that wraps ErrNoWrk where there is no load generator.
func Find() error {
	if _, err := exec.LookPath("wrk"); err != nil {
		return ErrNoWrk
	}
	return nil
}

// Run loads a target for a while, on connections that are kept alive.
func Run(ctx context.Context, t Target, duration time.Duration) (Sample, error) {
	dir, err := os.MkdirTemp("", "claimsmith-load-")
	if err != nil {
		return Sample{}, err
	}
	defer os.RemoveAll(dir)
	script := filepath.Join(dir, "load.lua")
	if err := os.WriteFile(script, []byte(t.script(filepath.Join(dir, "bodies"))), 0o600); err != nil {
		return Sample{}, err
	}
	if err := os.WriteFile(filepath.Join(dir, "bodies"), []byte(strings.Join(t.Bodies, "\n")), 0o600); err != nil {
		return Sample{}, err
	}
	// wrk knows whole seconds only: an interrupt ends it in time, with its summary.
	seconds := int(duration/time.Second) + 2
	cmd := exec.CommandContext(ctx, "wrk", "--threads", strconv.Itoa(t.threads()), "--connections", strconv.Itoa(t.Connections),
		"--duration", strconv.Itoa(seconds)+"s", "--timeout", "30s", "--script", script, t.URL)
	return t.run(cmd, duration)
}

func (t Target) run(cmd *exec.Cmd, duration time.Duration) (Sample, error) {
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Start(); err != nil {
		return Sample{}, fmt.Errorf("start wrk: %w", err)
	}
	end := time.AfterFunc(duration, func() { cmd.Process.Signal(os.Interrupt) })
	defer end.Stop()
	if err := cmd.Wait(); err != nil {
		return Sample{}, fmt.Errorf("wrk: %w: %s%s", err, out.Bytes(), stderr.Bytes())
	}
	return parse(out.Bytes())
}

// parse reads the line that done.lua writes.
func parse(out []byte) (Sample, error) {
	_, line, ok := bytes.Cut(out, []byte("SAMPLE "))
	var m struct {
		Requests, Micros, Errors, P50, P99 int64
	}
	if err := json.Unmarshal(bytes.TrimSpace(line), &m); !ok || err != nil {
		return Sample{}, fmt.Errorf("wrk said %q", out)
	}
	return Sample{
		Requests: m.Requests, Seconds: float64(m.Micros) / 1e6, Errors: m.Errors,
		P50: time.Duration(m.P50) * time.Microsecond, P99: time.Duration(m.P99) * time.Microsecond,
	}, nil
}

func (t Target) threads() int { return min(2, t.Connections) }

// script is the Lua text that wrk runs.
func (t Target) script(bodies string) string {
	var b strings.Builder
	if len(t.Bodies) > 0 {
		mediaType := "application/x-www-form-urlencoded"
		if t.JSON {
			mediaType = "application/json"
		}
		fmt.Fprintf(&b, "wrk.method = \"POST\"\nwrk.headers[\"Content-Type\"] = %q\n", mediaType)
		fmt.Fprintf(&b, "bodies, threads = %q, %d\n", bodies, t.threads())
	}
	if t.User != "" {
		fmt.Fprintf(&b, "wrk.headers[\"Authorization\"] = %q\n", basic(t.User, t.Password))
	}
	switch {
	case t.Follow:
		b.WriteString(followScript)
	case len(t.Bodies) > 0:
		b.WriteString(cycleScript)
	}
	b.WriteString(doneScript)
	return b.String()
}

// RunAll loads several targets at once and adds up what they reached; latencies
// are the worst of them.
func RunAll(ctx context.Context, targets []Target, duration time.Duration) (sum Sample, err error) {
	samples, errs := make([]Sample, len(targets)), make([]error, len(targets))
	var group sync.WaitGroup
	for i, t := range targets {
		group.Go(func() { samples[i], errs[i] = Run(ctx, t, duration) })
	}
	group.Wait()
	for _, s := range samples {
		sum.Requests += s.Requests
		sum.Errors += s.Errors
		sum.Seconds = max(sum.Seconds, s.Seconds)
		sum.P50, sum.P99 = max(sum.P50, s.P50), max(sum.P99, s.P99)
	}
	return sum, errors.Join(errs...)
}
