package database

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// gate lets as many password checks run at once as there are cores, since more
// would only take more memory, and a bounded number wait.
type gate struct {
	running chan struct{}
	waiting atomic.Int64
	queue   int64
}

const (
	queuePerCore = 64
	retryAfter   = time.Second
	muchMemory   = 8 << 20 // bytes
)

var errBusy = errors.New("too many passwords are being checked")

func newGate(queue int) *gate {
	cores := runtime.GOMAXPROCS(0)
	if queue == 0 {
		queue = queuePerCore * cores
	}
	return &gate{running: make(chan struct{}, cores), queue: int64(queue)}
}

// enter waits for a place until ctx ends. Its caller calls leave afterwards
// unless there is an error, which wraps sdk.ErrUnavailable.
func (g *gate) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return sdk.Unavailable(err)
	}
	select {
	case g.running <- struct{}{}:
		return nil
	default:
	}
	defer g.waiting.Add(-1)
	if g.waiting.Add(1) > g.queue {
		return &sdk.UnavailableError{Err: errBusy, RetryAfter: retryAfter}
	}
	select {
	case g.running <- struct{}{}:
		return nil
	case <-ctx.Done():
		return &sdk.UnavailableError{Err: errors.Join(errBusy, ctx.Err()), RetryAfter: retryAfter}
	}
}

// leave makes room for the next check, of which the memory of this one, in bytes, must
// be gone by then: argon2's is left to the garbage collector, which would let some gather
// before it runs. Running it costs about a thirtieth of such a hash; returning
// the memory to the system each time would cost half of one.
func (g *gate) leave(used int) {
	if used >= muchMemory {
		runtime.GC()
	}
	<-g.running
}
