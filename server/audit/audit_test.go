package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server/audit"
	"github.com/claimsmith/claimsmith/storage"
)

var full = audit.Event{
	Time: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), RequestID: "r", TraceID: "t", Issuer: "main", Route: "token", Remote: netip.MustParseAddr("192.0.2.1"),
	UserAgent: "curl/8", Client: "portal", Grant: "password", Plugin: "people", Subject: "u-1", Username: "alice", Session: "s",
	TokenID: "j", Status: 400, Outcome: audit.Denied, Reason: "locked", Err: errors.New("denied: locked"),
}

func TestALineSaysAllThatIsKnown(t *testing.T) {
	var b bytes.Buffer
	log := audit.New(audit.Config{Lines: slog.NewJSONHandler(&b, nil)})
	e := full
	if err := log.Write(t.Context(), &e, 1234567*time.Nanosecond); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	delete(got, "time")
	want := map[string]any{
		"level": "INFO", "msg": "request", "request_id": "r", "trace_id": "t", "issuer": "main", "route": "token", "outcome": "denied",
		"reason": "locked", "client": "portal", "grant": "password", "plugin": "people", "subject": "u-1", "username": "alice",
		"session": "s", "jti": "j", "remote": "192.0.2.1", "user_agent": "curl/8", "status": 400.0, "ms": 1.234, "error": "denied: locked",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("line (-want +got):\n%s", diff)
	}
}

func TestASecretInAnErrorIsNotPrinted(t *testing.T) {
	var b bytes.Buffer
	log := audit.New(audit.Config{Lines: slog.NewJSONHandler(&b, nil)})
	e := full
	e.Err = fmt.Errorf("check %v: %s %#v", sdk.Credential{Secret: "hunter2"}, sdk.Secret("hunter2"), sdk.Secret("hunter2"))
	if err := log.Write(t.Context(), &e, 0); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "hunter2") {
		t.Error(b.String())
	}
}

// broken is a handler whose file can fail.
type broken struct {
	slog.Handler
	err error
}

func (b *broken) Handle(ctx context.Context, r slog.Record) error {
	if b.err != nil {
		return b.err
	}
	return b.Handler.Handle(ctx, r)
}

func TestALogKnowsWhetherItCanWrite(t *testing.T) {
	lines := &broken{Handler: slog.DiscardHandler}
	lines.Handler = slog.NewJSONHandler(new(bytes.Buffer), nil)
	var told bytes.Buffer
	log := audit.New(audit.Config{Lines: lines, Required: true, Log: slog.New(slog.NewTextHandler(&told, nil))})
	write := func() error { e := full; return log.Write(t.Context(), &e, 0) }
	if err := write(); err != nil || log.Refuses() {
		t.Fatal(err, log.Refuses())
	}
	lines.err = errors.New("no space left")
	if err := write(); !errors.Is(err, lines.err) || !log.Refuses() || !errors.Is(log.Failure(), lines.err) || !errors.Is(log.Ready(t.Context()), lines.err) {
		t.Errorf("full: error %v, refuses %v, ready %v", err, log.Refuses(), log.Failure())
	}
	lines.err = nil
	if err := write(); err != nil || log.Refuses() || log.Failure() != nil {
		t.Errorf("afterwards: error %v, refuses %v, ready %v", err, log.Refuses(), log.Failure())
	}
	lines.err = errors.New("no space left")
	write()
	lines.err = nil
	if err := log.Ready(t.Context()); err != nil || log.Refuses() {
		t.Errorf("asked whether it is ready, without an event: error %v, refuses %v", err, log.Refuses())
	}
	if bad, good := strings.Count(told.String(), "no space left"), strings.Count(told.String(), "written again"); bad != 2 || good != 2 {
		t.Errorf("operators are told %d times of two failures, and %d times of their ends:\n%s", bad, good, &told)
	}
}

func TestAFileMayBeMovedAway(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.log")
	f, err := audit.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	write := func(line string) {
		t.Helper()
		if _, err := f.Write([]byte(line + "\n")); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	write("two")
	if err := f.Reopen(); err != nil {
		t.Fatal(err)
	}
	write("three")
	for name, want := range map[string]string{path + ".1": "one\ntwo\n", path: "three\n"} {
		got, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s: %q, want %q", filepath.Base(name), got, want)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// rows keep events in memory.
type rows struct {
	mu     sync.Mutex
	down   bool
	events []storage.Event
	calls  int
	old    int // events that may be removed
}

func (r *rows) AddEvents(_ context.Context, events []storage.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls++
	if r.down {
		return storage.ErrUnavailable
	}
	r.events = append(r.events, events...)
	return nil
}

func (r *rows) PruneEvents(_ context.Context, _ time.Time, limit int) (int64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := min(r.old, limit)
	r.old -= n
	return int64(n), nil
}

func (r *rows) set(down bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = down
}

// kept returns how many events there are, and in how many calls they came.
func (r *rows) kept() (events, calls int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.events), r.calls
}

func TestEveryOldEventIsRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := &rows{old: 100_000}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- audit.NewKeeper(rows, time.Hour, slog.New(slog.DiscardHandler)).Run(ctx) }()
		time.Sleep(11 * time.Minute)
		synctest.Wait()
		if rows.old > 0 {
			t.Errorf("%d old events are left", rows.old)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestEventsAreKeptBesideTheRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := new(rows)
		keeper := audit.NewKeeper(rows, time.Hour, slog.New(slog.DiscardHandler))
		log := audit.New(audit.Config{Lines: slog.DiscardHandler, Keeper: keeper})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- keeper.Run(ctx) }()
		write := func(n int) {
			for range n {
				e := full
				if err := log.Write(ctx, &e, time.Millisecond); err != nil {
					t.Error(err)
				}
			}
		}
		write(1200)
		time.Sleep(time.Second)
		if events, calls := rows.kept(); events != 1200 || calls != 3 {
			t.Errorf("%d events in %d batches", events, calls)
		}
		rows.set(true)
		write(20_000)
		time.Sleep(time.Minute)
		rows.set(false)
		time.Sleep(5 * time.Second)
		before, _ := rows.kept()
		if kept := int64(before) - 1200; kept+keeper.Dropped() != 20_000 || kept < 8192 {
			t.Errorf("after an outage %d are kept and %d dropped, of 20000", kept, keeper.Dropped())
		}
		write(10)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if after, _ := rows.kept(); after-before != 10 {
			t.Errorf("%d of the last 10 events are kept", after-before)
		}
	})
}

func BenchmarkWrite(b *testing.B) {
	file, err := audit.OpenFile(filepath.Join(b.TempDir(), "events.log"))
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	log := audit.New(audit.Config{Lines: slog.NewJSONHandler(file, nil)})
	e := full
	b.ReportAllocs()
	for b.Loop() {
		if err := log.Write(b.Context(), &e, time.Millisecond); err != nil {
			b.Fatal(err)
		}
	}
}
