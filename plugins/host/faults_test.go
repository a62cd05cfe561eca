package host_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/plugins/host"
	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// load asks a plugin from many callers at once, without a pause, and counts.
type load struct {
	stop                       chan struct{}
	wg                         sync.WaitGroup
	right, unavailable, denied atomic.Int64
}

func startLoad(t *testing.T, p *host.Plugin) *load {
	l := &load{stop: make(chan struct{})}
	for i := range 64 {
		name := "caller-" + string(rune('a'+i%26)) + string(rune('a'+i/26))
		request, wrong := login(name), login(name)
		wrong.Credential.Secret = "guess"
		l.wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-l.stop:
					return
				default:
				}
				r := request
				if n%8 == 7 {
					r = wrong
				}
				id, err := p.Authenticate(t.Context(), r)
				switch {
				case errors.Is(err, sdk.ErrUnavailable):
					l.unavailable.Add(1)
				case err == nil && n%8 != 7 && id.Subject == name:
					l.right.Add(1)
				case errors.Is(err, sdk.ErrDenied) && n%8 == 7:
					l.denied.Add(1)
				default:
					t.Errorf("%s got %+v, %v", name, id, err)
				}
			}
		})
	}
	return l
}

func (l *load) end() {
	close(l.stop)
	l.wg.Wait()
}

func TestKilledUnderLoad(t *testing.T) {
	p := ready(t, config(t, ""))
	l := startLoad(t, p)
	kills := 10
	if testing.Short() {
		kills = 3
	}
	var recovery []time.Duration
	for range kills {
		pid := p.Status().PID
		begin := time.Now()
		signal(t, pid, syscall.SIGKILL)
		eventually(t, "another process serves", func() bool {
			s := p.Status()
			return s.State == host.Serving && s.PID != pid
		})
		recovery = append(recovery, time.Since(begin))
		before := l.right.Load()
		eventually(t, "answers again", func() bool { return l.right.Load() > before+100 })
	}
	l.end()
	slices.Sort(recovery)
	t.Logf("%d kills: %d right, %d denied, %d unavailable; recovery median %v, longest %v",
		kills, l.right.Load(), l.denied.Load(), l.unavailable.Load(), recovery[len(recovery)/2], recovery[len(recovery)-1])
	if got := p.Status().Restarts; got != int64(kills) {
		t.Errorf("%d restarts", got)
	}
}

func TestUpgradeUnderLoadLosesNothing(t *testing.T) {
	c := config(t, `{"mark": "old"}`)
	p := ready(t, c)
	l := startLoad(t, p)
	for _, mark := range []string{"one", "two", "three"} {
		pid := p.Status().PID
		next := c
		next.Settings = []byte(`{"mark": "` + mark + `"}`)
		if err := p.Upgrade(t.Context(), next); err != nil {
			t.Fatal(err)
		}
		if alive(pid) {
			t.Errorf("process %d still runs after the upgrade", pid)
		}
		id, err := p.Authenticate(t.Context(), login("alice"))
		if err != nil || id.Unit != mark {
			t.Errorf("after the upgrade to %s: %+v, %v", mark, id, err)
		}
	}
	l.end()
	if n := l.unavailable.Load(); n != 0 {
		t.Errorf("%d of %d calls were lost", n, n+l.right.Load())
	}
	// What was upgraded to is what is started again.
	pid := p.Status().PID
	signal(t, pid, syscall.SIGKILL)
	eventually(t, "restart", func() bool { s := p.Status(); return s.State == host.Serving && s.PID != pid })
	if id, err := p.Authenticate(t.Context(), login("alice")); err != nil || id.Unit != "three" {
		t.Errorf("after a restart: %+v, %v", id, err)
	}
}

func TestFailedUpgradeLeavesTheOldOneServing(t *testing.T) {
	c := config(t, `{"mark": "old"}`)
	p := ready(t, c)
	pid := p.Status().PID
	next := c
	next.Settings = []byte(`{"refuse": "no table people"}`)
	next.Secrets = []string{}
	err := p.Upgrade(t.Context(), next)
	if refused, ok := errors.AsType[*host.ConfigError](err); !ok || refused.Message != "no table people" {
		t.Errorf("upgrade: %v", err)
	}
	next = c
	next.Name = "other"
	if err := p.Upgrade(t.Context(), next); err == nil {
		t.Error("upgrade to another name")
	}
	if s := p.Status(); s.PID != pid || s.State != host.Serving {
		t.Errorf("status: %+v", s)
	}
	if id, err := p.Authenticate(t.Context(), login("alice")); err != nil || id.Unit != "old" {
		t.Errorf("the old one: %+v, %v", id, err)
	}
}

func TestUpgradeMendsWhatCouldNotStart(t *testing.T) {
	c := config(t, `{"refuse": "no"}`)
	p := run(t, c)
	if err := p.Ready(t.Context()); err == nil {
		t.Fatal("ready")
	}
	c.Settings = []byte(`{}`)
	if err := p.Upgrade(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Authenticate(t.Context(), login("alice")); err != nil {
		t.Error(err)
	}
}

func TestHungPluginIsReplaced(t *testing.T) {
	for name, test := range map[string]struct {
		hang func(*testing.T, *host.Plugin)
		why  string
	}{
		"stopped process": {func(t *testing.T, p *host.Plugin) { signal(t, p.Status().PID, syscall.SIGSTOP) }, "it hangs: "},
		"deaf to every caller": {func(t *testing.T, p *host.Plugin) {
			pid, limit := p.Status().PID, time.Now().Add(30*time.Second)
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					for p.Status().PID == pid && time.Now().Before(limit) {
						_, _ = p.Authenticate(t.Context(), login("hang"))
					}
				})
			}
			wg.Wait()
		}, "calls without an answer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := config(t, "")
			c.CallTimeout, c.HealthEvery = 300*time.Millisecond, 50*time.Millisecond
			p := ready(t, c)
			pid := p.Status().PID
			test.hang(t, p)
			eventually(t, "another process serves", func() bool {
				s := p.Status()
				return s.State == host.Serving && s.PID != pid
			})
			if alive(pid) {
				t.Error("the one that hangs is still there")
			}
			eventually(t, "an answer", func() bool { _, err := p.Authenticate(t.Context(), login("alice")); return err == nil })
			if s := p.Status(); !strings.Contains(s.LastError, test.why) {
				t.Errorf("replaced because %s, want %s", s.LastError, test.why)
			}
		})
	}
}

func TestPoisonIsNotRepeated(t *testing.T) {
	p := ready(t, config(t, ""))
	if _, err := p.Authenticate(t.Context(), login("exit")); !errors.Is(err, sdk.ErrUnavailable) {
		t.Errorf("exit: %v", err)
	}
	// This one comes while nothing serves, and waits.
	eventually(t, "an answer", func() bool { _, err := p.Authenticate(t.Context(), login("alice")); return err == nil })
	if s := p.Status(); s.Restarts != 1 || s.LastError != "plugin echo ended: exit status 3" {
		t.Errorf("status: %+v", s)
	}
}

// However many die and however many wait, no call reaches two processes.
func TestNoCallReachesTwoProcesses(t *testing.T) {
	diary := filepath.Join(t.TempDir(), "diary")
	p := ready(t, config(t, `{"diary": "`+diary+`"}`))
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			for again := range 3 {
				name := fmt.Sprintf("die-%d-%d", n, again)
				if _, err := p.Authenticate(t.Context(), login(name)); !errors.Is(err, sdk.ErrUnavailable) {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
	wg.Wait()
	eventually(t, "an answer", func() bool { _, err := p.Authenticate(t.Context(), login("alice")); return err == nil })
	text, err := os.ReadFile(diary)
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Fields(string(text))
	slices.Sort(names)
	if once := slices.Compact(slices.Clone(names)); len(once) != len(names) || len(names) < 2 {
		t.Errorf("%d calls ended processes %d times: %v", len(once), len(names), names)
	}
}

func TestChildrenOfAPluginDieWithIt(t *testing.T) {
	p := ready(t, config(t, ""))
	id, err := p.Authenticate(t.Context(), login("child"))
	if err != nil {
		t.Fatal(err)
	}
	pid := int(id.Claims["pid"].(int64))
	_, _ = p.Authenticate(t.Context(), login("exit"))
	eventually(t, "the plugin's child is gone", func() bool { return !alive(pid) })
}

func TestCallWaitsForTheSuccessor(t *testing.T) {
	p := ready(t, config(t, ""))
	eventually(t, "a call that began while nothing served is answered", func() bool {
		var pid int
		eventually(t, "a process that has answered, and comes back at once", func() bool {
			_, err := p.Authenticate(t.Context(), login("alice"))
			pid = p.Status().PID
			return err == nil && pid != 0
		})
		signal(t, pid, syscall.SIGKILL)
		eventually(t, "death", func() bool { return p.Status().PID != pid })
		if p.Status().PID != 0 {
			return false // the successor was faster
		}
		_, err := p.Authenticate(t.Context(), login("alice"))
		if err != nil && !errors.Is(err, sdk.ErrUnavailable) {
			t.Fatal(err)
		}
		return err == nil
	})
}

// A call waits for a process no longer than its caller does.
func TestCallWaitsWithinItsDeadline(t *testing.T) {
	c := config(t, "")
	c.Builtin = "mute"
	p := run(t, c)
	eventually(t, "a start", func() bool { return p.Status().State == host.Starting })
	hasty, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := p.Authenticate(hasty, login("alice")); !errors.Is(err, sdk.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("who waits 10ms: %v", err)
	}
	if _, err := p.Authenticate(t.Context(), login("alice")); !errors.Is(err, sdk.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("who would wait for ever: %v", err)
	}
	if s := p.Status(); s.Calls != 0 || s.InFlight != 0 {
		t.Errorf("status: %+v", s)
	}
}

// An upgrade is the way out for a process that does not even end when asked to.
func TestUpgradeReplacesWhatHangs(t *testing.T) {
	c := config(t, "")
	c.CallTimeout, c.HealthEvery = 100*time.Millisecond, time.Hour
	p := ready(t, c)
	pid := p.Status().PID
	signal(t, pid, syscall.SIGSTOP)
	if err := p.Upgrade(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Authenticate(t.Context(), login("alice")); err != nil || alive(pid) {
		t.Errorf("after the upgrade: %v; process %d is there: %t", err, pid, alive(pid))
	}
}

func TestNotRunning(t *testing.T) {
	p, err := host.New(config(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Authenticate(t.Context(), login("alice")); !errors.Is(err, sdk.ErrUnavailable) {
		t.Errorf("before Run: %v", err)
	}
	if err := p.Upgrade(t.Context(), config(t, "")); err == nil {
		t.Error("upgrade before Run")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Run(ctx); err != nil {
		t.Error(err)
	}
	if _, err := p.Authenticate(t.Context(), login("alice")); !errors.Is(err, sdk.ErrUnavailable) {
		t.Errorf("after Run: %v", err)
	}
	if err := p.Ready(t.Context()); err == nil {
		t.Error("ready after Run")
	}
	if err := p.Run(t.Context()); err == nil {
		t.Error("ran twice")
	}
}

func TestStopFinishesCalls(t *testing.T) {
	c := config(t, `{"slow": 300000000}`)
	p, err := host.New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	if err := p.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	pid := p.Status().PID
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := p.Authenticate(t.Context(), login("alice")); err != nil {
				t.Error(err)
			}
		})
	}
	eventually(t, "20 calls at the process", func() bool { return p.Status().Calls == 20 })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	wg.Wait()
	if alive(pid) {
		t.Error("the process outlives Run")
	}
}
