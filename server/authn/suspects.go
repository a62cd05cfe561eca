package authn

import (
	"sync"
	"sync/atomic"
	"time"
)

// How much a view of suspects holds.
const (
	suspectShards  = 256
	suspectsPerOne = 256
)

// suspects remembers who has failed lately. Who is not in it is found out
// without a lock as long as nobody has failed.
type suspects struct {
	shards [suspectShards]suspectShard
}

type suspectShard struct {
	count atomic.Int32
	mu    sync.RWMutex
	by    map[uint64]suspect
}

type suspect struct {
	failures int
	last     time.Time
	rule     rule
}

// get returns how often a key has failed, and when last.
func (s *suspects) get(key uint64) (suspect, bool) {
	shard := &s.shards[key%suspectShards]
	if shard.count.Load() == 0 {
		return suspect{}, false
	}
	shard.mu.RLock()
	defer shard.mu.RUnlock()
	found, ok := shard.by[key]
	return found, ok
}

// add counts a failure.
func (s *suspects) add(key uint64, r rule, now time.Time) {
	s.change(key, func(was suspect) suspect {
		since := now.Sub(was.last)
		switch {
		case since >= r.window:
			was.failures = 0
		case r.leak > 0 && since > 0:
			was.failures = max(0, was.failures-int(since/r.leak))
		}
		return suspect{was.failures + 1, now, r}
	})
}

// set takes over what storage knows, which is of all replicas.
func (s *suspects) set(key uint64, failures int) {
	s.change(key, func(was suspect) suspect {
		was.failures = failures
		return was
	})
}

func (s *suspects) change(key uint64, f func(suspect) suspect) {
	shard := &s.shards[key%suspectShards]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	was, ok := shard.by[key]
	if !ok {
		shard.makeRoom()
	}
	shard.by[key] = f(was)
	shard.count.Store(int32(len(shard.by)))
}

// makeRoom lets one more fit in: it drops those whose failures are forgotten,
// or else any one.
func (s *suspectShard) makeRoom() {
	if s.by == nil {
		s.by = map[uint64]suspect{}
	}
	if len(s.by) < suspectsPerOne {
		return
	}
	s.sweep(time.Now())
	for key := range s.by {
		if len(s.by) < suspectsPerOne {
			return
		}
		delete(s.by, key)
	}
}

func (s *suspectShard) sweep(now time.Time) {
	for key, one := range s.by {
		if now.Sub(one.last) >= one.rule.window {
			delete(s.by, key)
		}
	}
}

// forget removes keys and reports whether one of them was there.
func (s *suspects) forget(key uint64) bool {
	shard := &s.shards[key%suspectShards]
	if shard.count.Load() == 0 {
		return false
	}
	shard.mu.Lock()
	defer shard.mu.Unlock()
	_, ok := shard.by[key]
	delete(shard.by, key)
	shard.count.Store(int32(len(shard.by)))
	return ok
}

// age drops those whose failures are forgotten.
func (s *suspects) age(now time.Time) {
	for i := range s.shards {
		shard := &s.shards[i]
		if shard.count.Load() == 0 {
			continue
		}
		shard.mu.Lock()
		shard.sweep(now)
		shard.count.Store(int32(len(shard.by)))
		shard.mu.Unlock()
	}
}

// len returns how many there are.
func (s *suspects) len() int {
	n := 0
	for i := range s.shards {
		n += int(s.shards[i].count.Load())
	}
	return n
}
