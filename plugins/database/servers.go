package database

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// servers are the primary, which alone is written to, and its read replicas.
//
// Reading is spread over the replicas that answer and are not too far behind. A
// replica can let a person in, but its no is not the last word, since somebody
// may just have been added, enabled or given a new password: the primary is asked as
// well, for whatever kind of no, or the time would tell who exists. Only where the
// primary does not answer the replica's no stands.
type servers struct {
	primary  *server
	replicas []*server
	next     atomic.Uint32 // whose turn it is

	stop     context.CancelFunc
	watchers sync.WaitGroup
}

// openServers prepares the primary. It may be down if a replica answers.
func openServers(ctx context.Context, c Config) (*servers, error) {
	s := &servers{stop: func() {}}
	if err := s.add(c); err != nil {
		s.close()
		return nil, err
	}
	if len(s.replicas) == 0 {
		if err := s.primary.prepare(ctx); err != nil {
			s.close()
			return nil, err
		}
		s.primary.failure = nil // and nobody looks again: there is no other to ask
		return s, nil
	}
	if err := s.begin(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *servers) add(c Config) (err error) {
	if s.primary, err = newServer(c, "primary", c.URL, nil); err != nil {
		return err
	}
	for i, url := range c.Replicas {
		l := &lag{statement: c.Lag, most: c.maxLag()}
		if l.statement == "" {
			l.statement = streamed
		}
		replica, err := newServer(c, fmt.Sprintf("replica %d", i+1), url, l)
		if err != nil {
			return fmt.Errorf("replicas: %d: %w", i+1, err)
		}
		s.replicas = append(s.replicas, replica)
		if replica.db.Driver() != s.primary.db.Driver() {
			return fmt.Errorf("replicas: %d: is not of the kind that url is", i+1)
		}
		if c.Lag == "" && s.primary.db.Driver() != sqldb.PostgreSQL {
			return errors.New("lag: is missing: only of PostgreSQL's streaming replication it is known how far behind a replica is")
		}
	}
	return nil
}

// begin looks at all servers and then watches them.
func (s *servers) begin(ctx context.Context) error {
	var checks sync.WaitGroup
	for _, replica := range s.replicas {
		checks.Go(func() { replica.check(ctx) })
	}
	preparing, cancel := context.WithTimeout(ctx, prepareTimeout)
	defer cancel()
	err := s.primary.prepare(preparing)
	checks.Wait()
	if err != nil && (!errors.Is(err, sqldb.ErrUnavailable) || len(s.reading()) == 0) {
		return err
	}
	if err != nil {
		err = fmt.Errorf("%w: %w", errUnprepared, err)
	}
	s.primary.found(err)

	watching, stop := context.WithCancel(context.Background())
	s.stop = stop
	for _, server := range append(s.replicas[:len(s.replicas):len(s.replicas)], s.primary) {
		s.watchers.Go(func() { server.watch(watching) })
	}
	return nil
}

// errUnprepared is a primary that did not answer when the plugin started.
var errUnprepared = errors.New("not prepared")

func (s *servers) close() error {
	s.stop()
	s.watchers.Wait()
	var errs []error
	for _, server := range append(s.replicas[:len(s.replicas):len(s.replicas)], s.primary) {
		if server != nil {
			errs = append(errs, server.db.Close())
		}
	}
	return errors.Join(errs...)
}

// reading returns the replicas to be asked, in an order that begins with another
// one each time.
func (s *servers) reading() []*server {
	if len(s.replicas) == 0 {
		return nil
	}
	first := int(s.next.Add(1) % uint32(len(s.replicas)))
	var reading []*server
	for i := range s.replicas {
		if replica := s.replicas[(first+i)%len(s.replicas)]; replica.state() == nil {
			reading = append(reading, replica)
		}
	}
	return reading
}

// ask calls f with one server after the other until one has an answer.
func ask[T any](s *servers, f func(people) (T, error)) (T, error) {
	for _, replica := range s.reading() {
		v, err := f(turn{replica})
		switch {
		case err == nil:
			return v, nil
		case errors.Is(err, errNoAnswer):
			continue
		case errors.Is(err, sdk.ErrUnavailable), s.primary.state() != nil:
			return v, err
		}
		confirmed, second := f(turn{s.primary})
		if errors.Is(second, errNoAnswer) {
			return v, err
		}
		return confirmed, second
	}
	return f(s.primary)
}
