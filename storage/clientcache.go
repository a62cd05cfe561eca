package storage

import (
	"context"
	"errors"
	"sync"
	"time"
)

// How long, and of how many clients, a ClientCache remembers what it has read.
const (
	clientsKept  = 10_000
	unknownsKept = 1_000

	clientFresh  = time.Minute      // until it is read again without having been changed
	clientUsable = 5 * time.Minute  // while storage is unavailable
	unknownFresh = 10 * time.Second // that there is no such client

	clientPatience = time.Second     // for storage, where what was read before will do
	clientPause    = 2 * time.Second // after it had no answer
)

// ClientCache reads clients and remembers them, so that a token costs no statement. A
// client is read again after Forget, or after a minute; one that storage cannot
// be asked about is answered as it was for up to five minutes after it was read. It is
// safe for concurrent use.
type ClientCache struct {
	db *DB

	mu       sync.RWMutex
	forgets  int // how often Forget was called
	clients  map[clientKey]cachedClient
	unknowns map[clientKey]time.Time // when it was read that there is none
	down     time.Time               // until when storage is not asked where what was read before will do
}

type clientKey struct{ issuer, id string }

type cachedClient struct {
	client  *Client
	read    time.Time
	forgets int // at the time of reading
}

// NewClientCache returns an empty cache. Whoever runs DB.Watch calls its Forget on
// TopicClients.
func NewClientCache(db *DB) *ClientCache {
	return &ClientCache{db: db, clients: map[clientKey]cachedClient{}, unknowns: map[clientKey]time.Time{}}
}

// Client returns a client, which must not be changed, or the error of DB.Client.
func (c *ClientCache) Client(ctx context.Context, issuer, id string) (*Client, error) {
	key := clientKey{issuer, id}
	now := time.Now()
	c.mu.RLock()
	known, ok := c.clients[key]
	unknown, none := c.unknowns[key]
	forgets, down := c.forgets, c.down
	c.mu.RUnlock()
	usable := ok && now.Sub(known.read) < clientUsable

	if ok && known.forgets == forgets && now.Sub(known.read) < clientFresh {
		return known.client, nil
	}
	if none && now.Sub(unknown) < unknownFresh {
		return nil, ErrNotFound
	}
	if usable {
		if now.Before(down) {
			return known.client, nil
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, clientPatience)
		defer cancel()
	}
	client, err := c.db.Client(ctx, issuer, id)
	switch {
	case err == nil:
		c.keep(key, cachedClient{&client, now, forgets})
		return &client, nil
	case errors.Is(err, ErrNotFound):
		c.keepUnknown(key, now, forgets)
	case usable && errors.Is(err, ErrUnavailable):
		c.pause(forgets)
		return known.client, nil
	}
	return nil, err
}

// Scopes is DB.Scopes.
func (c *ClientCache) Scopes(ctx context.Context, issuer string) ([]string, error) {
	return c.db.Scopes(ctx, issuer)
}

// Forget makes the cache read each client again before it next answers with it.
func (c *ClientCache) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forgets++
	c.down = time.Time{}
	clear(c.unknowns)
}

// pause leaves storage alone for a moment, unless it was heard of since.
func (c *ClientCache) pause(forgets int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.forgets == forgets {
		c.down = time.Now().Add(clientPause)
	}
}

func (c *ClientCache) keep(key clientKey, client cachedClient) {
	c.mu.Lock()
	defer c.mu.Unlock()
	makeRoom(c.clients, key, clientsKept)
	c.clients[key] = client
	delete(c.unknowns, key)
}

func (c *ClientCache) keepUnknown(key clientKey, read time.Time, forgets int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.clients, key)
	if c.forgets != forgets {
		return // it may have been created since it was read
	}
	makeRoom(c.unknowns, key, unknownsKept)
	c.unknowns[key] = read
}

// makeRoom removes an entry, whichever comes, if a new one would be too many.
func makeRoom[K comparable, V any](m map[K]V, key K, most int) {
	if _, ok := m[key]; ok || len(m) < most {
		return
	}
	for other := range m {
		delete(m, other)
		return
	}
}
