package ldap

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// attempts bounds how often a request is sent. It is repeated only if no answer
// came: the connection had died, or its bind was forgotten, or the server is dying.
const attempts = 3

var errNoServer = errors.New("no server of the directory works")

// pool runs requests on connections to the first of its servers that works.
//
// A server that fails is left alone for a pause that doubles. Then, while
// another works, it is probed in the background, so that no login waits for it;
// if none works, the next login tries it.
type pool struct {
	servers []*server
	limit   time.Duration // for a request
	keep    time.Duration // for an unused connection
	slots   [purposes]chan struct{}

	life   context.Context // of the probes
	end    context.CancelFunc
	probes sync.WaitGroup
}

func newPool(servers []*server, connections int, limit, keep time.Duration) *pool {
	p := &pool{servers: servers, limit: limit, keep: keep}
	for i := range p.slots {
		p.slots[i] = make(chan struct{}, connections)
	}
	p.life, p.end = context.WithCancel(context.Background())
	return p
}

// close ends the connections that nobody uses. A call in progress ends its own.
func (p *pool) close() {
	p.end()
	for _, s := range p.servers {
		s.drop()
	}
	p.probes.Wait()
}

// warm connects to the first server that answers. An error says that
// the service account is refused; that no server answers is logged only.
func (p *pool) warm(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, p.limit)
	defer cancel()
	err := p.do(ctx, searching, func(*wire) error { return nil })
	if errors.Is(err, errServiceBind) {
		return err
	}
	if err != nil {
		slog.WarnContext(ctx, "ldap: no directory answers yet", "error", err)
	}
	return nil
}

// do runs f on a connection for a purpose. The error is what the directory
// answered to f, or wraps sdk.ErrUnavailable. f runs again if no answer came.
func (p *pool) do(ctx context.Context, on purpose, f func(*wire) error) error {
	select {
	case p.slots[on] <- struct{}{}:
		defer func() { <-p.slots[on] }()
	case <-ctx.Done():
		return sdk.Unavailable(fmt.Errorf("wait for an ldap connection: %w", context.Cause(ctx)))
	}
	var err error
	for range attempts {
		c, opening := p.connect(ctx, on)
		if opening != nil {
			return opening
		}
		err = c.within(ctx, p.limit, f)
		if err == nil || answered(err) && !overloaded(err) && !c.forgot(err) {
			p.release(on, c)
			return err
		}
		p.broken(ctx, c, err)
		if ctx.Err() != nil {
			break
		}
	}
	return sdk.Unavailable(fmt.Errorf("ask the directory: %w", causeOf(ctx, err)))
}

// connect returns a connection to the first server that works.
func (p *pool) connect(ctx context.Context, on purpose) (*conn, error) {
	var due []*server
	for _, s := range p.servers {
		up, isDue := s.state(time.Now())
		if !up {
			if isDue {
				due = append(due, s)
			}
			continue
		}
		if c := p.from(ctx, s, on); c != nil {
			for _, s := range due {
				p.probe(s)
			}
			return c, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	for _, s := range due {
		if c := p.from(ctx, s, on); c != nil {
			return c, nil
		}
	}
	return nil, p.unavailable(ctx)
}

// from returns a connection to a server, or nil, and notes what that shows of it.
func (p *pool) from(ctx context.Context, s *server, on purpose) *conn {
	if c := s.take(on, time.Now(), p.keep); c != nil {
		return c
	}
	c, err := s.open(ctx, on)
	switch {
	case err == nil:
		p.up(s)
		return c
	case ctx.Err() == nil:
		p.down(s, err)
	case errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		p.probe(s) // was it the server that was slow, or the caller that was late?
	}
	return nil
}

// unavailable says why no server can be asked, and when one might.
func (p *pool) unavailable(ctx context.Context) error {
	if ctx.Err() != nil {
		return sdk.Unavailable(fmt.Errorf("connect to the directory: %w", context.Cause(ctx)))
	}
	errs := []error{errNoServer}
	soonest := longestPause
	for _, s := range p.servers {
		s.mu.Lock()
		errs = append(errs, s.err)
		soonest = min(soonest, max(time.Until(s.down), firstPause))
		s.mu.Unlock()
	}
	return &sdk.UnavailableError{Err: errors.Join(errs...), RetryAfter: soonest}
}

// release takes a connection back after an answer. It is kept if its server is
// still the one to use.
func (p *pool) release(on purpose, c *conn) {
	if !c.usable() || p.life.Err() != nil || !p.preferred(c.server) {
		c.close()
		return
	}
	c.server.put(on, c, time.Now(), p.keep)
}

// preferred is whether no server before s works.
func (p *pool) preferred(s *server) bool {
	for _, other := range p.servers {
		if other == s {
			return true
		}
		if up, _ := other.state(time.Now()); up {
			return false
		}
	}
	return true
}

// broken closes a connection on which no answer came and notes what that shows
// of its server. One that had been kept may merely have been cut or forgotten since;
// then the other kept ones have been too.
func (p *pool) broken(ctx context.Context, c *conn, err error) {
	c.close()
	switch {
	case ctx.Err() != nil:
		if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
			p.probe(c.server)
		}
	case c.idle.IsZero(), errors.Is(err, errTimeout), overloaded(err):
		p.down(c.server, err)
	default:
		c.server.drop()
	}
}

func (p *pool) down(s *server, err error) {
	if s.fail(err, time.Now()) {
		slog.Warn("ldap: a server of the directory fails", "url", s.url, "error", err)
	}
}

// up notes that a server works, and drops what is kept to those after it.
func (p *pool) up(s *server) {
	if !s.works() {
		return
	}
	slog.Info("ldap: a server of the directory works again", "url", s.url)
	for i := len(p.servers) - 1; p.servers[i] != s; i-- {
		p.servers[i].drop()
	}
}

// probe looks in the background whether a server works.
func (p *pool) probe(s *server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.probing || p.life.Err() != nil {
		return
	}
	s.probing = true
	p.probes.Go(func() {
		c, err := s.open(p.life, searching)
		s.mu.Lock()
		s.probing = false
		s.mu.Unlock()
		switch {
		case err == nil:
			p.up(s)
			p.release(searching, c)
		case p.life.Err() == nil:
			p.down(s, err)
		}
	})
}
