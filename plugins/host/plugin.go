package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

const (
	successorWait = time.Second // how long a call waits for a process
	retryAfter    = time.Second // what a call that found none is told
)

// Plugin is a plugin that is kept running. It is an sdk.Authenticator, an
// sdk.Refresher, an sdk.Lookuper and an sdk.Signer whatever the plugin is:
// Refresh returns an identity unchanged, and the others an error that wraps
// errors.ErrUnsupported, where the plugin cannot do it. All methods may be called at any time, also
// before and after Run.
type Plugin struct {
	config   atomic.Pointer[Config]
	current  atomic.Pointer[Process]         // nil while none serves
	told     atomic.Pointer[sdk.Description] // by the last that served
	inFlight atomic.Int64
	calls    atomic.Int64
	restarts atomic.Int64
	counters counters
	breaker  breaker

	running  atomic.Bool
	stopped  chan struct{}  // closed when Run has returned
	handover chan successor // from Upgrade to Run

	mu      sync.Mutex
	now     moment
	changed chan struct{} // closed at the next change of state
}

// moment is where a plugin is in its life, and why.
type moment struct {
	state   State
	since   time.Time
	failure error     // the last start or death; stays after a recovery
	next    time.Time // when waiting: the next start
}

var (
	_ sdk.Authenticator = (*Plugin)(nil)
	_ sdk.Describer     = (*Plugin)(nil)
	_ sdk.Lookuper      = (*Plugin)(nil)
	_ sdk.Refresher     = (*Plugin)(nil)
	_ sdk.Signer        = (*Plugin)(nil)
)

// New checks a configuration and starts nothing: Run does.
func New(c Config) (*Plugin, error) {
	c, err := c.check()
	if err != nil {
		return nil, err
	}
	p := &Plugin{
		stopped:  make(chan struct{}),
		handover: make(chan successor),
		now:      moment{state: Idle, since: time.Now()},
		changed:  make(chan struct{}),
	}
	p.config.Store(&c)
	p.told.Store(&sdk.Description{})
	return p, nil
}

// Name returns the configured name.
func (p *Plugin) Name() string { return p.config.Load().Name }

// Describe returns what the plugin told of itself when it last started, and
// nothing before.
func (p *Plugin) Describe() sdk.Description { return *p.told.Load() }

// Authenticate asks the plugin. Beside what the plugin says, a credential that
// is out of bounds is denied and one of a kind that the plugin does not judge
// is unknown, both without asking.
func (p *Plugin) Authenticate(ctx context.Context, r sdk.Request) (sdk.Identity, error) {
	if err := r.Check(); err != nil {
		return sdk.Identity{}, err
	}
	c, err := p.begin(ctx)
	if err != nil {
		return sdk.Identity{}, err
	}
	if !c.process.client.Describe().Judges(r.Credential.Kind) {
		return p.end(&c, sdk.Identity{}, sdk.ErrUnknown)
	}
	id, err := c.process.client.Authenticate(c.ctx, r)
	return p.end(&c, id, err)
}

// Refresh asks the plugin whether an identity still holds.
func (p *Plugin) Refresh(ctx context.Context, id sdk.Identity) (sdk.Identity, error) {
	c, err := p.begin(ctx)
	if err != nil {
		return sdk.Identity{}, err
	}
	id, err = c.process.client.Refresh(c.ctx, id)
	return p.end(&c, id, err)
}

// Lookup asks the plugin for a principal by subject or user name.
func (p *Plugin) Lookup(ctx context.Context, name string) (sdk.Identity, error) {
	c, err := p.begin(ctx)
	if err != nil {
		return sdk.Identity{}, err
	}
	id, err := c.process.client.Lookup(c.ctx, name)
	return p.end(&c, id, err)
}

// call is one call under way. It holds its process, which is not stopped
// before the call ends.
type call struct {
	ctx     context.Context
	cancel  context.CancelFunc
	process *Process
	began   time.Time
	patient bool // it waits long enough for silence to mean something
}

func (p *Plugin) begin(ctx context.Context) (call, error) {
	c, err := p.admit(ctx)
	if err != nil {
		p.counters.count(Refused)
		return call{}, err
	}
	p.calls.Add(1)
	return c, nil
}

// admit lets a call go to a process, or says why not.
func (p *Plugin) admit(ctx context.Context) (call, error) {
	config := p.config.Load()
	c := call{ctx: ctx, cancel: func() {}, began: time.Now(), patient: true}
	if wait, ok := p.breaker.admit(c.began, config.breakerPause()); !ok {
		return call{}, fmt.Errorf("plugin %s: %w", p.Name(), &sdk.UnavailableError{Err: errBreaker, RetryAfter: max(retryAfter, wait)})
	}
	if n := p.inFlight.Add(1); n > int64(config.MaxInFlight) {
		p.inFlight.Add(-1)
		return call{}, p.unavailable(fmt.Errorf("%d calls are in flight", n-1))
	}
	if deadline, ok := ctx.Deadline(); !ok || deadline.Sub(c.began) > config.CallTimeout {
		c.ctx, c.cancel = context.WithDeadline(ctx, c.began.Add(config.CallTimeout))
	} else {
		c.patient = deadline.Sub(c.began) > config.CallTimeout/2
	}
	if c.process = p.hold(); c.process == nil {
		var err error
		if c.process, err = p.awaitProcess(c.ctx); err != nil {
			c.cancel()
			p.inFlight.Add(-1)
			return call{}, err
		}
	}
	return c, nil
}

func (p *Plugin) end(c *call, id sdk.Identity, err error) (sdk.Identity, error) {
	if err := p.finish(c, err); err != nil {
		return sdk.Identity{}, err
	}
	id.Plugin = c.process.config.Name
	return id, nil
}

// finish ends a call and returns its error with the plugin's name.
func (p *Plugin) finish(c *call, err error) error {
	p.judge(c, err)
	c.cancel()
	c.process.release()
	p.inFlight.Add(-1)
	if errors.Is(err, sdk.ErrUnavailable) {
		return fmt.Errorf("plugin %s: %w", p.Name(), err)
	}
	return err
}

// judge takes note of how a call ended.
func (p *Plugin) judge(c *call, err error) {
	outcome, now := outcomeOf(c.ctx, err), time.Now()
	p.counters.count(outcome)
	p.counters.observe(now.Sub(c.began))
	switch config := c.process.config; outcome {
	case OK, Unknown, Denied:
		c.process.heard(err)
		p.breaker.close()
	case Unavailable:
		c.process.heard(err)
		if now.Sub(c.began) >= config.slow() {
			p.breaker.failed(now, config.breakerPause())
		}
	case TimedOut:
		if c.patient {
			c.process.missed()
			p.breaker.failed(now, config.breakerPause())
		}
	}
}

// hold returns the process that serves, held against being stopped, or nil.
func (p *Plugin) hold() *Process {
	for {
		process := p.current.Load()
		if process == nil {
			return nil
		}
		process.inFlight.Add(1)
		// Whoever retires a process takes it from current first and counts
		// afterwards: either it sees this call, or this call sees the change.
		if process == p.current.Load() {
			return process
		}
		process.release()
	}
}

// awaitProcess holds the next process that serves, if it comes soon.
func (p *Plugin) awaitProcess(ctx context.Context) (*Process, error) {
	timeout := time.NewTimer(successorWait)
	defer timeout.Stop()
	for {
		changed, now := p.watch()
		if process := p.hold(); process != nil {
			return process, nil
		}
		if now.state == Stopped || now.state == Stopping || now.state == Waiting && time.Until(now.next) > successorWait {
			return nil, p.down(now)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, p.unavailable(ctx.Err())
		case <-timeout.C:
			return nil, p.down(now)
		}
	}
}

// down is the error of a call that finds no process.
func (p *Plugin) down(now moment) error {
	cause := cmp.Or(now.failure, error(errNotRunning))
	return fmt.Errorf("plugin %s is down: %w", p.Name(),
		&sdk.UnavailableError{Err: cause, RetryAfter: max(retryAfter, time.Until(now.next))})
}

func (p *Plugin) unavailable(cause error) error {
	return fmt.Errorf("plugin %s: %w", p.Name(), &sdk.UnavailableError{Err: cause, RetryAfter: retryAfter})
}
