package database

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// server is one server of the database, the primary or a replica of it, and
// what is known of its health.
type server struct {
	people
	name string // for the log
	db   *sqldb.DB
	lag  *lag // of a replica

	mu      sync.Mutex
	failure error // why it is not asked; nil while it answers
}

const (
	checkEvery     = time.Second
	checkTimeout   = time.Second
	prepareTimeout = 10 * time.Second // the users table may have to be brought up to date
	mostPatience   = time.Second      // with a server beside which there is another
)

var (
	errUnchecked = errors.New("it was not asked yet")
	errNoAnswer  = errors.New("no answer")
)

func newServer(c Config, name, url string, lag *lag) (*server, error) {
	db, err := sqldb.New(sqldb.Config{URL: url, Password: c.Password.Reveal(), MaxConns: c.MaxConns, ReadOnly: lag != nil})
	if err != nil {
		return nil, err
	}
	people, err := newPeople(db, c)
	if err != nil {
		db.Close()
		return nil, err
	}
	return &server{people: people, name: name, db: db, lag: lag, failure: errUnchecked}, nil
}

// newPeople returns where the configuration says that persons are found.
func newPeople(db *sqldb.DB, c Config) (people, error) {
	if c.Users {
		return newTable(db)
	}
	return newQueries(db, c)
}

// watch keeps what is known of the server's health up to date until ctx ends.
func (s *server) watch(ctx context.Context) {
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.check(ctx)
		}
	}
}

// check asks the server for a sign of life, and a replica how far behind it is.
func (s *server) check(ctx context.Context) {
	limit, ask := checkTimeout, s.try
	if s.lag == nil && errors.Is(s.state(), errUnprepared) {
		limit, ask = prepareTimeout, s.prepare
	}
	asking, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := ask(asking)
	if err == nil && s.lag != nil {
		err = s.lag.measure(asking, s.db)
	} else if err != nil && s.lag != nil {
		s.lag.forget()
	}
	if ctx.Err() == nil {
		s.found(err)
	}
}

// found takes down that the server answers, or why it does not.
func (s *server) found(err error) {
	s.mu.Lock()
	was := s.failure
	if errors.Is(was, errUnprepared) && err != nil {
		err = fmt.Errorf("%w: %w", errUnprepared, err)
	}
	s.failure = err
	s.mu.Unlock()
	switch {
	case err != nil && (was == nil || errors.Is(was, errUnchecked)):
		slog.Warn("database server serves no logins", "server", s.name, "error", err)
	case err == nil && was != nil:
		slog.Info("database server serves logins", "server", s.name)
	}
}

// state is why the server is not asked, or nil.
func (s *server) state() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failure
}

// turn is a server asked with patience only, because there is another. Its
// errors wrap errNoAnswer where the other is to be asked.
type turn struct{ *server }

func (t turn) find(ctx context.Context, r sdk.Request) (account, error) {
	return patiently(ctx, t.server, func(ctx context.Context) (account, error) { return t.server.find(ctx, r) })
}

func (t turn) complete(ctx context.Context, r sdk.Request, a *account) error {
	_, err := patiently(ctx, t.server, func(ctx context.Context) (struct{}, error) { return struct{}{}, t.server.complete(ctx, r, a) })
	return err
}

func (t turn) again(ctx context.Context, id sdk.Identity) (account, error) {
	return patiently(ctx, t.server, func(ctx context.Context) (account, error) { return t.server.again(ctx, id) })
}

func (t turn) named(ctx context.Context, name string) (account, error) {
	return patiently(ctx, t.server, func(ctx context.Context) (account, error) { return t.server.named(ctx, name) })
}

// patiently bounds a call to a server. One that is down is not asked again until
// a check has found it up.
func patiently[T any](ctx context.Context, s *server, call func(context.Context) (T, error)) (T, error) {
	asking, cancel := context.WithTimeout(ctx, patience(ctx))
	defer cancel()
	v, err := call(asking)
	if err == nil || errors.Is(err, sqldb.ErrNotFound) || errors.Is(err, errAmbiguous) || ctx.Err() != nil {
		return v, err
	}
	if errors.Is(err, sqldb.ErrUnavailable) {
		s.found(err)
	}
	return v, fmt.Errorf("%w: %s: %w", errNoAnswer, s.name, err)
}

// patience is a quarter of the time that is left, so that there is some for the others.
func patience(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return mostPatience
	}
	return min(time.Until(deadline)/4, mostPatience)
}
