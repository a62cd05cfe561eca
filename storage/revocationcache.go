package storage

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	revocationsKept = 1 << 14
	versionTimeout  = 2 * time.Second // all who ask wait for it
)

// RevocationCache answers whether tokens were revoked, as of a moment after it was
// asked: what anybody has revoked before, on whichever replica, it knows. It keeps
// what it has read together with the version of TopicRevocations, and reads only
// that version as long as it stays: one statement for all who ask meanwhile. It needs
// no notification, and while storage is down it has no answer. It is safe for
// concurrent use.
type RevocationCache struct {
	db *DB

	mu    sync.RWMutex
	known map[tokenKey]revocationState

	joining sync.Mutex
	next    *versionRead  // whose statement has not begun
	turn    chan struct{} // held by the statement under way
}

type tokenKey struct{ issuer, jti, session string }

// revocationState is what was read, and which version of the topic just before.
type revocationState struct {
	version int64
	revoked bool
}

// versionRead is one statement, and those who wait for it.
type versionRead struct {
	done    chan struct{}
	version int64
	err     error
}

// NewRevocationCache returns an empty cache.
func NewRevocationCache(db *DB) *RevocationCache {
	return &RevocationCache{db: db, known: map[tokenKey]revocationState{}, turn: make(chan struct{}, 1)}
}

// Revoke is DB.Revoke.
func (c *RevocationCache) Revoke(ctx context.Context, r Revocation) error { return c.db.Revoke(ctx, r) }

// Revoked is DB.Revoked.
func (c *RevocationCache) Revoked(ctx context.Context, issuer, jti, session string) (bool, error) {
	version, err := c.version(ctx)
	if err != nil {
		return false, fmt.Errorf("read revocations: %w", err)
	}
	key := tokenKey{issuer, jti, session}
	c.mu.RLock()
	known, ok := c.known[key]
	c.mu.RUnlock()
	if ok && known.version == version {
		return known.revoked, nil
	}
	revoked, err := c.db.Revoked(ctx, issuer, jti, session)
	if err != nil {
		return false, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	makeRoom(c.known, key, revocationsKept)
	c.known[key] = revocationState{version, revoked}
	return revoked, nil
}

// version reads the version of TopicRevocations, by a statement that begins after
// the call: whoever comes before it begins joins.
func (c *RevocationCache) version(ctx context.Context) (int64, error) {
	c.joining.Lock()
	read := c.next
	if read == nil {
		read = &versionRead{done: make(chan struct{})}
		c.next = read
		go c.run(context.WithoutCancel(ctx), read) // others may need it longer than this caller does
	}
	c.joining.Unlock()
	select {
	case <-read.done:
		return read.version, read.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// run runs a statement after the one that is under way. There are never more than
// these two.
func (c *RevocationCache) run(ctx context.Context, read *versionRead) {
	c.turn <- struct{}{}
	defer func() { <-c.turn }()
	c.joining.Lock()
	c.next = nil
	c.joining.Unlock()
	ctx, cancel := context.WithTimeout(ctx, versionTimeout)
	defer cancel()
	read.err = c.db.sql.Get(ctx, &read.version, `select version from changes where topic = ?`, TopicRevocations)
	close(read.done)
}
