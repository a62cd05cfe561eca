package host

import (
	"math/rand/v2"
	"time"
)

const (
	firstDelay = 25 * time.Millisecond
	longest    = 30 * time.Second
	forgiven   = 250 * time.Millisecond // how long it takes to live down one death
	settled    = 10 * time.Second       // a process that lived this long has proved itself
)

// backoff spaces the starts of a plugin. A plugin that cannot start, or dies
// before it has answered anyone, is started ever more rarely. One that
// answered and then died is back at once, unless that happens more often than
// every 250 ms.
type backoff struct {
	deaths int       // in a row, as far as they are remembered
	last   time.Time // the last death
}

// next returns the pause after a death. proved says that the process had
// answered a call or lived long.
func (b *backoff) next(now time.Time, proved bool) time.Duration {
	if proved {
		b.deaths = max(0, b.deaths-int(min(now.Sub(b.last)/forgiven, 1000)))
	}
	b.last = now
	b.deaths = min(b.deaths+1, 16)
	pause := min(firstDelay<<(b.deaths-1), longest)
	return pause/2 + rand.N(pause/2)
}
