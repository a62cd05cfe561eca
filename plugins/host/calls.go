package host

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// Outcome is how a call ended.
type Outcome string

// The outcomes of a call.
const (
	OK          Outcome = "ok"          // an identity
	Unknown     Outcome = "unknown"     // sdk.ErrUnknown
	Denied      Outcome = "denied"      // sdk.ErrDenied
	Unavailable Outcome = "unavailable" // the plugin cannot tell, or died over it
	TimedOut    Outcome = "timeout"     // its deadline passed
	Cancelled   Outcome = "cancelled"   // the caller gave up
	Refused     Outcome = "refused"     // it never reached a process: too many, none serves, or the breaker is open
)

// outcomes gives each outcome its place in the counters.
var outcomes = [...]Outcome{OK, Unknown, Denied, Unavailable, TimedOut, Cancelled, Refused}

// Bounds are the upper bounds of the buckets of CallStats, in seconds; calls
// that took longer are in none.
var Bounds = [...]float64{.00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// CallStats is what became of the calls since New.
type CallStats struct {
	Outcomes map[Outcome]uint64
	// Of the calls that reached a process:
	Count   uint64
	Seconds float64             // all of them together
	Buckets [len(Bounds)]uint64 // those that took no longer than the bound
}

// counters count calls without a lock.
type counters struct {
	outcomes [len(outcomes)]atomic.Uint64
	buckets  [len(Bounds) + 1]atomic.Uint64 // the last holds those above all bounds
	nanos    atomic.Int64
}

func (c *counters) count(o Outcome) {
	for i := range outcomes {
		if outcomes[i] == o {
			c.outcomes[i].Add(1)
			return
		}
	}
}

func (c *counters) observe(took time.Duration) {
	c.nanos.Add(int64(took))
	seconds, i := took.Seconds(), 0
	for i < len(Bounds) && seconds > Bounds[i] {
		i++
	}
	c.buckets[i].Add(1)
}

// CallStats returns what became of the calls so far. Calls that end meanwhile may be
// in one number and not yet in another.
func (p *Plugin) CallStats() CallStats {
	s := CallStats{Outcomes: make(map[Outcome]uint64, len(outcomes))}
	for i, o := range outcomes {
		s.Outcomes[o] = p.counters.outcomes[i].Load()
	}
	for i := range Bounds {
		s.Count += p.counters.buckets[i].Load()
		s.Buckets[i] = s.Count
	}
	s.Count += p.counters.buckets[len(Bounds)].Load()
	s.Seconds = time.Duration(p.counters.nanos.Load()).Seconds()
	return s
}

// Quantile returns how long the fastest q of the calls took, 0 <= q <= 1, as
// far as the buckets tell; 0 where there were none.
func (s CallStats) Quantile(q float64) time.Duration {
	if s.Count == 0 {
		return 0
	}
	rank := q * float64(s.Count)
	lower, below := 0.0, uint64(0)
	for i, upper := range Bounds {
		if n := s.Buckets[i]; n > below && float64(n) >= rank {
			part := (rank - float64(below)) / float64(n-below)
			return time.Duration((lower + (upper-lower)*part) * float64(time.Second))
		}
		lower, below = upper, s.Buckets[i]
	}
	return time.Duration(lower * float64(time.Second))
}

// outcomeOf reads the outcome off what a call returned.
func outcomeOf(ctx context.Context, err error) Outcome {
	switch {
	case err == nil:
		return OK
	case errors.Is(err, sdk.ErrDenied):
		return Denied
	case errors.Is(err, sdk.ErrUnknown):
		return Unknown
	case errors.Is(ctx.Err(), context.DeadlineExceeded), errors.Is(err, context.DeadlineExceeded): // gRPC's timer may fire first
		return TimedOut
	case ctx.Err() != nil:
		return Cancelled
	default:
		return Unavailable
	}
}
