package ldap

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// How long a server that failed is left alone: at first and at most, and where
// it refused the service account, so that it is not locked by our trying.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = 3 * time.Second
	refusedPause = 30 * time.Second
)

// serviceAccount is what connections for searching are bound as; anonymous if zero.
type serviceAccount struct {
	dn       string
	password sdk.Secret
	external bool
}

// server is one of the directory's servers: how it is reached, whether it works,
// and the connections to it that nobody uses just now.
type server struct {
	url      string
	network  string
	address  string
	tls      *tls.Config // nil: plain
	startTLS bool        // plain at first
	account  serviceAccount
	limit    time.Duration // for opening a connection

	mu      sync.Mutex
	down    time.Time // when to try it again; zero while it works
	pause   time.Duration
	err     error // why it is down
	probing bool
	idle    [purposes][]*conn
}

// open returns a new connection that is ready for its purpose.
func (s *server) open(ctx context.Context, p purpose) (*conn, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.limit, errTimeout)
	defer cancel()
	raw, err := (&net.Dialer{}).DialContext(ctx, s.network, s.address)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", s.url, causeOf(ctx, err))
	}
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	c, err := s.greet(ctx, raw, p)
	if err == nil && stop() {
		return c, nil
	}
	raw.Close()
	return nil, fmt.Errorf("connect to %s: %w", s.url, causeOf(ctx, err))
}

// causeOf is why ctx ended, if it did, or else the error.
func causeOf(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func (s *server) greet(ctx context.Context, raw net.Conn, p purpose) (*conn, error) {
	over := raw
	if s.startTLS {
		if err := newWire(raw).startTLS(); err != nil {
			return nil, fmt.Errorf("start TLS: %w", err)
		}
	}
	if s.tls != nil {
		secured := tls.Client(raw, s.tls)
		if err := secured.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		over = secured
	}
	c := &conn{wire: newWire(over), raw: raw, server: s}
	if p == searching {
		return c, c.bindService(s.account)
	}
	return c, nil
}

// state says whether the server works and, if not, whether it is time to try it.
func (s *server) state(now time.Time) (up, due bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.down.IsZero(), !s.probing && !now.Before(s.down)
}

// fail notes that the server does not work and drops its connections. It
// returns true if that is news. Of several calls that fail together one counts.
func (s *server) fail(err error, now time.Time) (news bool) {
	s.drop()
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Before(s.down) {
		return false
	}
	news = s.down.IsZero()
	s.pause = min(max(2*s.pause, firstPause), longestPause)
	if errors.Is(err, errServiceBind) {
		s.pause = refusedPause
	}
	s.down, s.err = now.Add(s.pause), err
	return news
}

// works notes that the server answered. It returns true if that is news.
func (s *server) works() (news bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	news = !s.down.IsZero()
	s.down, s.pause, s.err = time.Time{}, 0, nil
	return news
}

// take returns a kept connection, or nil.
func (s *server) take(p purpose, now time.Time, keep time.Duration) *conn {
	for {
		s.mu.Lock()
		last := len(s.idle[p]) - 1
		if last < 0 {
			s.mu.Unlock()
			return nil
		}
		c := s.idle[p][last]
		s.idle[p] = slices.Delete(s.idle[p], last, last+1)
		s.mu.Unlock()
		if c.usable() && now.Sub(c.idle) < keep {
			return c
		}
		c.close()
	}
}

// put keeps a connection for the next call, and closes the one that was
// not used for longest if that is too long.
func (s *server) put(p purpose, c *conn, now time.Time, keep time.Duration) {
	c.idle = now
	s.mu.Lock()
	s.idle[p] = append(s.idle[p], c)
	var old *conn
	if first := s.idle[p][0]; now.Sub(first.idle) >= keep {
		old = first
		s.idle[p] = slices.Delete(s.idle[p], 0, 1)
	}
	s.mu.Unlock()
	if old != nil {
		old.close()
	}
}

// drop closes the connections that are kept.
func (s *server) drop() {
	s.mu.Lock()
	idle := s.idle
	s.idle = [purposes][]*conn{}
	s.mu.Unlock()
	for _, kept := range idle {
		for _, c := range kept {
			c.close()
		}
	}
}
