package oauth

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"time"
)

// gate lets as many slow hashes be computed at once as there are cores. A
// bounded number wait, for a bounded time.
type gate struct {
	running chan struct{}
	waiting atomic.Int64
}

const (
	gateQueue   = 32 // waiting for each core
	gatePatient = 2 * time.Second
)

var errBusy = errors.New("too many client secrets are being checked")

func newGate() *gate {
	return &gate{running: make(chan struct{}, runtime.GOMAXPROCS(0))}
}

// run calls f when there is room, or returns an *Error that asks to try again.
func (g *gate) run(ctx context.Context, f func()) error {
	if g.waiting.Add(1) > int64(gateQueue*cap(g.running)) {
		g.waiting.Add(-1)
		return unavailable(errBusy)
	}
	patience := time.NewTimer(gatePatient)
	defer patience.Stop()
	select {
	case g.running <- struct{}{}:
		g.waiting.Add(-1)
	case <-patience.C:
		g.waiting.Add(-1)
		return unavailable(errBusy)
	case <-ctx.Done():
		g.waiting.Add(-1)
		return unavailable(errors.Join(errBusy, ctx.Err()))
	}
	defer func() { <-g.running }()
	f()
	return nil
}
