package authn

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// The bounds of a failure that is held.
const (
	longestHold = 3 * time.Second
	mostHeld    = 1 << 14
)

var errHeld = errors.New("too many failures at once")

// Even makes all failures alike in time. An unknown person costs the time of
// every plugin of a chain and a known one only that of its own, so a failure
// leaves no earlier than all plugins together take when they take long. It
// holds nothing meanwhile but the request itself.
type Even struct {
	chain Chain
	marks []*mark // of the chain's links
	held  atomic.Int64
}

// NewEven returns an Even around a chain.
func NewEven(c Chain) *Even {
	e := new(Even)
	for _, l := range c {
		m := new(mark)
		e.marks = append(e.marks, m)
		e.chain = append(e.chain, Link{l.Name, timed{l.Plugin, m}})
	}
	return e
}

// Authenticate implements sdk.Authenticator.
func (e *Even) Authenticate(ctx context.Context, r sdk.Request) (sdk.Identity, error) {
	began := time.Now()
	id, err := e.chain.Authenticate(ctx, r)
	if err == nil || errors.Is(err, sdk.ErrUnavailable) && e.links(r.Credential.Kind) == 1 {
		return id, err
	}
	if e.held.Add(1) > mostHeld {
		e.held.Add(-1)
		return sdk.Identity{}, sdk.Unavailable(errHeld)
	}
	defer e.held.Add(-1)
	hold := time.NewTimer(e.target(r.Credential.Kind) - time.Since(began))
	defer hold.Stop()
	select {
	case <-hold.C:
	case <-ctx.Done():
	}
	return id, err
}

// links is how many plugins may be asked about a kind of credential. Where one of
// several is down, how long a failure takes tells what the others know.
func (e *Even) links(kind sdk.Kind) (n int) {
	for _, l := range e.chain {
		if l.Plugin.Handles(kind) {
			n++
		}
	}
	return n
}

// target is when a failure of a kind leaves.
func (e *Even) target(kind sdk.Kind) (sum time.Duration) {
	for i, l := range e.chain {
		if l.Plugin.Handles(kind) {
			sum += e.marks[i].high()
		}
	}
	return min(sum, longestHold)
}

// timed is a plugin whose answers are timed.
type timed struct {
	Plugin
	mark *mark
}

// Authenticate implements sdk.Authenticator.
func (t timed) Authenticate(ctx context.Context, r sdk.Request) (sdk.Identity, error) {
	began := time.Now()
	id, err := t.Plugin.Authenticate(ctx, r)
	if !errors.Is(err, sdk.ErrUnavailable) {
		t.mark.observe(time.Since(began))
	}
	return id, err
}

// mark is how long something takes when it takes long: a high-water mark that
// sinks with every answer, and is no more than a multiple of the mean.
type mark struct {
	top, mean atomic.Int64 // nanoseconds
}

const (
	sink    = 256 // answers until the mark has sunk to the third part
	smooth  = 16  // answers that the mean is of
	highest = 8   // times the mean
)

// observe takes note of an answer. Of two at once one may be lost.
func (m *mark) observe(took time.Duration) {
	d := int64(took)
	if mean := m.mean.Load(); mean == 0 {
		m.mean.Store(d)
	} else {
		m.mean.Store(mean + (d-mean)/smooth)
	}
	if top := m.top.Load(); d >= top {
		m.top.Store(d)
	} else {
		m.top.Store(top - (top-d)/sink)
	}
}

func (m *mark) high() time.Duration {
	return time.Duration(min(m.top.Load(), highest*m.mean.Load()))
}
