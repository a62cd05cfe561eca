package authn

import (
	"sync/atomic"
	"time"
)

// The size of what is remembered lately.
const (
	recentSets = 1 << 14
	recentWays = 4
	tickBits   = 20
	tickMask   = 1<<tickBits - 1
)

// recent remembers 65536 keys for a time, without a lock. An entry is 44 bits of
// its key, and when it was added. A set that is full forgets one.
type recent struct {
	unit time.Duration // of the clock of entries
	life uint64        // units
	sets [recentSets][recentWays]atomic.Uint64
}

func newRecent(life time.Duration) *recent {
	const parts = 24
	return &recent{unit: life / parts, life: parts}
}

func (r *recent) tick(now time.Time) uint64 { return uint64(now.UnixNano()/int64(r.unit)) & tickMask }

// has reports whether key was added and not forgotten.
func (r *recent) has(key uint64, now time.Time) bool {
	set := &r.sets[key%recentSets]
	tick := r.tick(now)
	for i := range set {
		entry := set[i].Load()
		if entry != 0 && entry>>tickBits == key>>tickBits {
			return r.fresh(entry, tick)
		}
	}
	return false
}

func (r *recent) fresh(entry, tick uint64) bool { return (tick-entry)&tickMask < r.life }

// add remembers key from now on.
func (r *recent) add(key uint64, now time.Time) {
	set := &r.sets[key%recentSets]
	tick := r.tick(now)
	place := int(key >> tickBits % recentWays)
	for i := range set {
		entry := set[i].Load()
		if entry>>tickBits == key>>tickBits {
			place = i
			break
		}
		if entry == 0 || !r.fresh(entry, tick) {
			place = i
		}
	}
	set[place].Store(key>>tickBits<<tickBits | tick)
}
