package authn_test

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server/authn"
)

// shelf is a store in memory, which replicas share. Its statements are counted.
type shelf struct {
	mu         sync.Mutex
	failures   map[string]int
	last       map[string]time.Time
	known      map[string]bool
	statements int
	down       bool
}

var errDown = errors.New("storage is down")

func newShelf() *shelf {
	return &shelf{failures: map[string]int{}, last: map[string]time.Time{}, known: map[string]bool{}}
}

func (s *shelf) begin() (func(), error) {
	s.mu.Lock()
	s.statements++
	if s.down {
		s.mu.Unlock()
		return nil, errDown
	}
	return s.mu.Unlock, nil
}

func (s *shelf) CountFailures(_ context.Context, now time.Time, counts []authn.Count) (map[string]int, error) {
	end, err := s.begin()
	if err != nil {
		return nil, err
	}
	defer end()
	got := map[string]int{}
	for _, c := range counts {
		since := now.Sub(s.last[c.Key])
		if since >= c.Window {
			s.failures[c.Key] = 0
		}
		if c.Leak > 0 {
			s.failures[c.Key] = max(0, s.failures[c.Key]-int(since/c.Leak))
		}
		s.failures[c.Key]++
		s.last[c.Key] = now
		got[c.Key] = s.failures[c.Key]
	}
	return got, nil
}

func (s *shelf) ForgetFailures(_ context.Context, keys []string) error {
	end, err := s.begin()
	if err != nil {
		return err
	}
	defer end()
	for _, key := range keys {
		delete(s.failures, key)
	}
	return nil
}

func (s *shelf) RememberKnown(_ context.Context, _ time.Time, keys []string) error {
	end, err := s.begin()
	if err != nil {
		return err
	}
	defer end()
	for _, key := range keys {
		s.known[key] = true
	}
	return nil
}

func (s *shelf) Known(_ context.Context, key string, _ time.Time) (bool, error) {
	end, err := s.begin()
	if err != nil {
		return false, err
	}
	defer end()
	return s.known[key], nil
}

func (s *shelf) asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.statements
}

// directory knows alice and bob, whose passwords are right.
type directory struct {
	asked atomic.Int32
	takes time.Duration
}

func (d *directory) Authenticate(_ context.Context, r sdk.Request) (sdk.Identity, error) {
	d.asked.Add(1)
	time.Sleep(d.takes) // fake, in a bubble
	c := r.Credential
	switch {
	case c.Secret == "right":
		return sdk.Identity{Subject: c.Username}, nil
	case c.Username == "down":
		return sdk.Identity{}, sdk.Unavailable(errDown)
	case c.Username == "alice" || c.Username == "bob" || c.Kind == sdk.APIKey:
		return sdk.Identity{}, sdk.Denied(sdk.Invalid)
	case c.Username == "disabled":
		return sdk.Identity{}, sdk.Denied(sdk.Disabled)
	}
	return sdk.Identity{}, sdk.ErrUnknown
}

// replica is a throttle before a directory.
type replica struct {
	t        *testing.T
	throttle *authn.Throttle
	*directory
	around sdk.Authenticator
}

func newReplica(t *testing.T, store authn.Store, d *directory, limits ...authn.Limits) *replica {
	l := authn.Limits{}
	if len(limits) > 0 {
		l = limits[0]
	}
	throttle := authn.NewThrottle(l, store, []byte("secret"))
	return &replica{t, throttle, d, throttle.Around("main", d)}
}

func (r *replica) login(name, password, from string) error {
	_, err := r.around.Authenticate(context.Background(), sdk.Request{
		Credential: sdk.Credential{Kind: sdk.Password, Username: name, Secret: sdk.Secret(password)},
		ClientID:   "portal", Remote: netip.MustParseAddr(from),
	})
	return err
}

// refused logs in with a wrong password and returns how long it has to wait; 0
// where the password was looked at.
func (r *replica) refused(name, from string) time.Duration { return wait(r.login(name, "wrong", from)) }

func wait(err error) time.Duration {
	if throttled, ok := errors.AsType[*authn.ThrottledError](err); ok {
		return throttled.Wait
	}
	return 0
}

// bubble runs a test on a clock of its own.
func bubble(t *testing.T, test func(t *testing.T)) { synctest.Test(t, test) }
