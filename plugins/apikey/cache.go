package apikey

import (
	"context"
	"sync"
	"time"
)

// The bounds of the cache. Together with the time of a statement, remember stays
// under the second after which a revoked key must be refused.
const (
	remember   = 800 * time.Millisecond
	maxEntries = 10_000
)

// cache remembers rows for a moment, so that a busy key costs no statement for
// each use. It does not remember that there is no key.
type cache struct {
	keys     *Keys
	remember time.Duration
	mu       sync.RWMutex
	entries  map[Key]entry // by ID for keys of ours, by hash for others
}

type entry struct {
	*stored
	until time.Time
}

func newCache(keys *Keys) *cache {
	return &cache{keys: keys, remember: remember, entries: make(map[Key]entry)}
}

// find is Keys.find.
func (c *cache) find(ctx context.Context, key Key) (*stored, error) {
	known := key
	if known.ID != "" {
		known.Hash = [32]byte{}
	}
	now := time.Now()
	c.mu.RLock()
	e, ok := c.entries[known]
	c.mu.RUnlock()
	if ok && now.Before(e.until) {
		return e.stored, nil
	}
	found, err := c.keys.find(ctx, key)
	if err != nil {
		return nil, err
	}
	c.put(known, entry{found, now.Add(c.remember)}) // from before the statement: it may have waited
	return found, nil
}

func (c *cache) put(key Key, e entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.entries[key]; !ok && len(c.entries) >= maxEntries {
		c.makeRoom()
	}
	c.entries[key] = e
}

// makeRoom drops what is over, or any one entry if nothing is.
func (c *cache) makeRoom() {
	now := time.Now()
	for key, e := range c.entries {
		if !now.Before(e.until) {
			delete(c.entries, key)
		}
	}
	for key := range c.entries {
		if len(c.entries) < maxEntries {
			return
		}
		delete(c.entries, key)
	}
}
