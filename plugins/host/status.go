package host

import (
	"cmp"
	"context"
	"time"
)

// State is where a plugin is in its life.
type State string

// The states of a plugin.
const (
	Idle     State = "idle"     // Run has not begun
	Starting State = "starting" // a process is being started, none serves
	Serving  State = "serving"  // a process serves
	Waiting  State = "waiting"  // the last one failed, the next start is due soon
	Stopping State = "stopping" // the last calls are being finished
	Stopped  State = "stopped"  // Run has returned
)

// States are all of them.
var States = [...]State{Idle, Starting, Serving, Waiting, Stopping, Stopped}

// Status is a plugin as an operator sees it.
type Status struct {
	Name      string    `json:"name"`
	State     State     `json:"state"`
	Since     time.Time `json:"since"`                // of the state
	PID       int       `json:"pid,omitempty"`        // of the process that serves
	Started   time.Time `json:"started,omitzero"`     // that process
	SHA256    string    `json:"sha256,omitempty"`     // of what it executes; empty for a built-in plugin
	Version   string    `json:"version,omitempty"`    // as the plugin tells
	Plugin    string    `json:"plugin,omitempty"`     // its own name for itself
	Restarts  int64     `json:"restarts"`             // processes started after one failed
	Calls     int64     `json:"calls"`                // begun since New
	InFlight  int64     `json:"in_flight"`            // now
	MedianMS  float64   `json:"median_ms"`            // how long half of the calls took, at most
	P99MS     float64   `json:"p99_ms"`               // and how long 99 of 100
	Breaker   bool      `json:"breaker,omitempty"`    // it is open: the plugin's failures are slow, and calls are refused at once
	LastError string    `json:"last_error,omitempty"` // of the last start or death; stays after a recovery
}

// Status returns the plugin's status now.
func (p *Plugin) Status() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	told, calls := p.Describe(), p.CallStats()
	s := Status{
		Name:     p.Name(),
		State:    p.now.state,
		Since:    p.now.since,
		Version:  told.Version,
		Plugin:   told.Name,
		Restarts: p.restarts.Load(),
		Calls:    p.calls.Load(),
		InFlight: p.inFlight.Load(),
		MedianMS: milliseconds(calls.Quantile(.5)),
		P99MS:    milliseconds(calls.Quantile(.99)),
		Breaker:  p.breaker.open(),
	}
	if p.now.failure != nil {
		s.LastError = p.now.failure.Error()
	}
	if process := p.current.Load(); process != nil {
		s.PID, s.Started, s.SHA256 = process.PID(), process.started, process.sha256
	}
	return s
}

// Ready waits until the plugin serves. It returns the error of the last start
// if that failed, a *ConfigError among its causes if the plugin refused its
// configuration, and ctx's error if ctx ends first.
func (p *Plugin) Ready(ctx context.Context) error {
	for {
		changed, now := p.watch()
		switch now.state {
		case Serving:
			return nil
		case Waiting:
			return now.failure
		case Stopping, Stopped:
			return p.down(now)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// watch returns where the plugin is, and what is closed when that changes.
func (p *Plugin) watch() (changed <-chan struct{}, now moment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.changed, p.now
}

// turn changes the state.
func (p *Plugin) turn(state State) {
	p.move(moment{state: state})
}

// fail turns to Waiting.
func (p *Plugin) fail(cause error, next time.Time) {
	p.move(moment{state: Waiting, failure: cause, next: next})
}

func (p *Plugin) move(to moment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	to.since = time.Now()
	to.failure = cmp.Or(to.failure, p.now.failure)
	p.now = to
	close(p.changed)
	p.changed = make(chan struct{})
}

// milliseconds returns d to the hundredth of a millisecond.
func milliseconds(d time.Duration) float64 {
	return float64(d.Round(10*time.Microsecond).Microseconds()) / 1000
}
