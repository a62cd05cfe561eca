package host

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// dying is how long the end of a process may take after that of its connection.
const dying = 200 * time.Millisecond

var (
	errNotRunning = errors.New("it is not running")
	errHungUp     = errors.New("it closed its connection")
	errStopped    = errors.New("it is stopped")
	errBreaker    = errors.New("its last answers were slow failures; another is tried soon")
)

// Run starts the plugin and keeps it running until ctx ends; it then lets the
// calls under way finish, stops the process and returns nil. A plugin that
// cannot start is tried again for ever, ever more rarely: Ready and Status say
// why. Run is called once.
func (p *Plugin) Run(ctx context.Context) error {
	if !p.running.CompareAndSwap(false, true) {
		return fmt.Errorf("run plugin %s: it was run before", p.Name())
	}
	s := &supervisor{Plugin: p, started: make(chan outcome)}
	s.begin(ctx)
	for ctx.Err() == nil {
		s.step(ctx)
	}
	s.shutDown()
	return nil
}

// supervisor is the state of Run: it alone starts, installs and retires processes.
type supervisor struct {
	*Plugin
	backoff backoff
	retry   <-chan time.Time // when waiting
	started chan outcome     // when starting
	abort   context.CancelFunc
	owned   sync.WaitGroup // goroutines of Run
}

// outcome is how a start went.
type outcome struct {
	process *Process
	err     error
}

// successor is a process that Upgrade has started; Run installs it.
type successor struct {
	process *Process
	retired chan<- *Process // gets the process that served before, or nil
}

// step waits for one thing to happen and deals with it.
func (s *supervisor) step(ctx context.Context) {
	var lost <-chan struct{}
	process := s.current.Load()
	if process != nil {
		lost = process.lost
	}
	var started chan outcome
	if s.abort != nil {
		started = s.started
	}
	select {
	case <-ctx.Done():
	case <-s.retry:
		s.restarts.Add(1)
		s.begin(ctx)
	case o := <-started:
		s.abort()
		s.abort = nil
		if o.err != nil {
			s.wait(o.err, false)
			return
		}
		s.install(o.process)
	case <-lost:
		s.bury(process)
	case next := <-s.handover:
		s.cancelStart()
		next.retired <- s.install(next.process)
	}
}

// begin starts a process in the background.
func (s *supervisor) begin(ctx context.Context) {
	s.retry = nil
	s.turn(Starting)
	ctx, s.abort = context.WithCancel(ctx)
	config := s.config.Load()
	s.owned.Go(func() {
		process, err := start(ctx, config)
		s.started <- outcome{process, err}
	})
}

// cancelStart ends a start under way, if there is one, and any wait for the next.
func (s *supervisor) cancelStart() {
	s.retry = nil
	if s.abort == nil {
		return
	}
	s.abort()
	s.abort = nil
	if o := <-s.started; o.err == nil {
		o.process.Stop()
	}
}

// install lets calls go to process and returns the one they went to before.
func (s *supervisor) install(process *Process) (old *Process) {
	s.config.Store(process.config)
	told := process.client.Describe()
	s.told.Store(&told)
	s.owned.Go(process.guard)
	old = s.current.Swap(process)
	s.breaker.close()
	s.turn(Serving)
	process.config.Log.Info("plugin serves", "plugin", process.config.Name,
		"pid", process.PID(), "version", told.Version, "sha256", process.sha256)
	return old
}

// bury deals with the death of the process that served, which shows in its
// connection first. One that hangs up and lives on is of no use.
func (s *supervisor) bury(process *Process) {
	s.current.Store(nil)
	select {
	case <-process.Done():
	case <-time.After(dying):
		process.condemn(errHungUp)
	}
	cause := process.child.how()
	if verdict := process.verdict.Load(); verdict != nil {
		cause = *verdict
	}
	lived := time.Since(process.started)
	s.owned.Go(func() { process.stop(0) }) // what is left of it
	s.wait(fmt.Errorf("plugin %s ended: %s", s.Name(), cause), process.answered.Load() || lived > settled)
}

// wait puts the next start off.
func (s *supervisor) wait(cause error, proved bool) {
	pause := s.backoff.next(time.Now(), proved)
	s.retry = time.After(pause)
	s.fail(cause, time.Now().Add(pause))
	s.config.Load().Log.Error("plugin is down", "plugin", s.Name(), "error", cause, "next_start_in", pause.Round(time.Millisecond).String())
}

// shutDown lets the calls under way finish and leaves nothing behind.
func (s *supervisor) shutDown() {
	s.turn(Stopping)
	s.cancelStart()
	if process := s.current.Swap(nil); process != nil {
		process.drain()
		process.Stop()
	}
	close(s.stopped)
	s.owned.Wait()
	s.turn(Stopped)
}
