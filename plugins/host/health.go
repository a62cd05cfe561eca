package host

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc/connectivity"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

const (
	healthTimeout = 2 * time.Second
	unhealthy     = 3  // failed checks in a row: it hangs
	suspicious    = 3  // deadlines missed in a row: check now
	deaf          = 20 // deadlines missed in a row, over some time: it hangs, however healthy it says it is
)

// guard checks the process now and then, and when its callers miss answers,
// and kills it if it hangs. It returns when the process has ended.
func (p *Process) guard() {
	ctx, cancel := context.WithCancel(context.Background())
	var watch sync.WaitGroup
	watch.Go(func() {
		// Calls may be through before the connection says that it is ready.
		for p.conn.GetState() == connectivity.Connecting && p.conn.WaitForStateChange(ctx, connectivity.Connecting) {
		}
		p.conn.WaitForStateChange(ctx, connectivity.Ready)
		close(p.lost)
	})
	defer watch.Wait()
	defer cancel()
	every := time.NewTicker(p.config.HealthEvery)
	defer every.Stop()
	for {
		select {
		case <-p.child.exited:
			return
		case <-every.C:
		case <-p.suspect:
		}
		if why := p.examine(); why != nil {
			p.condemn(why)
		}
	}
}

// examine returns why the process is to be killed, or nil.
func (p *Process) examine() error {
	silence := time.Since(time.Unix(0, p.silence.Load()))
	if n := p.misses.Load(); n >= deaf && silence > 2*p.config.CallTimeout {
		return fmt.Errorf("it left the last %d calls without an answer", n)
	}
	var err error
	for range unhealthy {
		ctx, cancel := context.WithTimeout(context.Background(), min(healthTimeout, p.config.CallTimeout))
		err = p.ping(ctx)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-p.child.exited: // of itself
			return nil
		default:
		}
	}
	return fmt.Errorf("it hangs: %w", err)
}

// condemn kills the process; whoever waits for its end finds out why.
func (p *Process) condemn(why error) {
	text := why.Error()
	p.verdict.CompareAndSwap(nil, &text)
	p.child.kill()
	<-p.child.exited
}

// heard notes that a call came back, be it with an error.
func (p *Process) heard(err error) {
	if p.misses.Load() != 0 {
		p.misses.Store(0)
	}
	if !p.answered.Load() && !errors.Is(err, sdk.ErrUnavailable) {
		p.answered.Store(true)
	}
}

// missed notes that a call's deadline passed in silence.
func (p *Process) missed() {
	n := p.misses.Add(1)
	if n == 1 {
		p.silence.Store(time.Now().UnixNano())
	}
	if n >= suspicious {
		select {
		case p.suspect <- struct{}{}:
		default:
		}
	}
}

// release ends a call's hold on the process.
func (p *Process) release() {
	if p.inFlight.Add(-1) == 0 && p.retired.Load() {
		select {
		case p.idle <- struct{}{}:
		default:
		}
	}
}

// drain waits until no call holds the process, which takes no new ones any
// more; no call outlasts its deadline.
func (p *Process) drain() {
	p.retired.Store(true)
	timeout := time.NewTimer(p.config.CallTimeout + time.Second)
	defer timeout.Stop()
	for p.inFlight.Load() > 0 {
		select {
		case <-p.idle:
		case <-p.child.exited:
			return
		case <-timeout.C:
			p.config.Log.Warn("plugin is stopped with calls under way", "plugin", p.config.Name,
				"calls", p.inFlight.Load(), "error", errors.New("they have outlasted their deadline"))
			return
		}
	}
}
