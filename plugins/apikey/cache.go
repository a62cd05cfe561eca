package apikey

import (
	"context"
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
	entries  *recent[Key, entry] // by ID for keys of ours, by hash for others
}

type entry struct {
	*stored
	until time.Time
}

func newCache(keys *Keys) *cache {
	return &cache{keys: keys, remember: remember, entries: newRecent[Key, entry](maxEntries)}
}

// find is Keys.find.
func (c *cache) find(ctx context.Context, key Key) (*stored, error) {
	known := key
	if known.ID != "" {
		known.Hash = [32]byte{}
	}
	now := time.Now()
	if e, ok := c.entries.get(known); ok && now.Before(e.until) {
		return e.stored, nil
	}
	found, err := c.keys.find(ctx, key)
	if err != nil {
		return nil, err
	}
	c.entries.put(known, entry{found, now.Add(c.remember)}) // from before the statement: it may have waited
	return found, nil
}
