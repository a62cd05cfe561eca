package jwks

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A SecretsConfig says whose HMAC secrets [Secrets] holds.
type SecretsConfig struct {
	Issuer string  // names the issuer, as in [Config]
	Store  Store   // where the secrets are kept; may be that of the issuer's keys
	Sealer *Sealer // seals them at rest

	// Retain is how long a secret that signs no more is still among those that
	// verify: the lifetime of the longest-lived token. 0: 24 hours.
	Retain time.Duration
	Skew   time.Duration // as in Config; 0: 1 minute
	Poll   time.Duration // as in Config; 0: 15 seconds

	Log      *slog.Logger // told of every change; nil: slog.Default()
	Observer Observer     // told of every change; nil: nobody
}

// Secrets holds the HMAC secrets that an issuer shares with services which
// cannot verify by published keys, by name. They are sealed and kept like keys,
// in a set of their own. Secrets makes no signature itself. It is safe for
// concurrent use.
type Secrets struct {
	config  SecretsConfig
	log     *slog.Logger
	teller  *teller
	state   atomic.Pointer[secretState]
	woken   chan struct{} // tells Run that state is new
	reading sync.Mutex    // held by the one call that refreshes
}

// secretState is the set as it was read at one instant; it never changes.
type secretState struct {
	rows    []Key
	version int64             // of the set
	opened  map[string][]byte // by kid
	read    time.Time
}

// OpenSecrets reads the issuer's secrets. An error means that the store cannot
// be read or that the Sealer cannot open what is in it.
func OpenSecrets(ctx context.Context, c SecretsConfig) (*Secrets, error) {
	if c.Store == nil || c.Sealer == nil {
		return nil, errors.New("open secrets: SecretsConfig needs a Store and a Sealer")
	}
	c.Retain, c.Skew = cmp.Or(c.Retain, DefaultRetain), cmp.Or(c.Skew, DefaultSkew)
	c.Poll, c.Log = cmp.Or(c.Poll, DefaultPoll), cmp.Or(c.Log, slog.Default())
	if c.Observer == nil {
		c.Observer = nobody{}
	}
	s := &Secrets{config: c, log: c.Log.With("issuer", c.Issuer), woken: make(chan struct{}, 1)}
	s.teller = newTeller(s.log, c.Observer, c.Issuer, func() ([]Key, int64) { in := s.state.Load(); return in.rows, in.version })
	if err := s.Reload(ctx); err != nil {
		return nil, fmt.Errorf("open secrets: %w", err)
	}
	return s, nil
}

// Reload reads the secrets from the store. Call it when the store tells that
// they changed. After an error what was read before stays in use.
func (s *Secrets) Reload(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	former, read := s.state.Load(), wall()
	rows, version, err := s.config.Store.Keys(ctx, secretSet(s.config.Issuer))
	if err != nil {
		return fmt.Errorf("read secrets: %w", err)
	}
	return s.adopt(former, rows, version, read)
}

// adopt takes rows into use in place of former, which was in use before they were
// read or written. If that has been replaced meanwhile, the higher version stays.
func (s *Secrets) adopt(former *secretState, rows []Key, version int64, read time.Time) error {
	next := &secretState{rows: rows, version: version, opened: make(map[string][]byte, len(rows)), read: read}
	for _, k := range rows {
		if k.revoked() || SecretSize(k.Algorithm) == 0 {
			continue
		}
		secret, err := s.config.Sealer.Open(secretSet(s.config.Issuer), k.Algorithm, k.KID, k.Sealed)
		if err != nil {
			return err
		}
		next.opened[k.KID] = secret
	}
	for !s.state.CompareAndSwap(former, next) {
		if former = s.state.Load(); former.version >= version {
			s.teller.met()
			return nil
		}
	}
	s.teller.met()
	select {
	case s.woken <- struct{}{}:
	default:
	}
	return nil
}

// Secret returns the secret of the name that signs now, and all that verify:
// those that are announced and those that signed until lately too. The caller
// must not change them. The error wraps [ErrNoKey] if there is none of that
// name. The store is asked, for up to two seconds, only if nobody called Reload
// for longer than twice Poll; while it is down what was read last stays in use.
func (s *Secrets) Secret(ctx context.Context, name string) (current []byte, all [][]byte, err error) {
	s.keepUp(ctx)
	state, now := s.state.Load(), wall()
	of := secretsOf(state.rows, name, now)
	if len(of) == 0 {
		return nil, nil, fmt.Errorf("secret %q: %w", name, ErrNoKey)
	}
	for _, k := range of {
		all = append(all, state.opened[k.KID])
	}
	return all[signingSecret(of, now)], all, nil
}

// Reveal returns the secret of the kid, for those who are to verify with it.
func (s *Secrets) Reveal(kid string) ([]byte, error) {
	secret, ok := s.state.Load().opened[kid]
	if !ok {
		return nil, fmt.Errorf("reveal secret: %w: %s", ErrNoKey, kid)
	}
	return bytes.Clone(secret), nil
}

// keepUp reads the store if that was not done for long, by one caller for all.
func (s *Secrets) keepUp(ctx context.Context) {
	if old := s.state.Load(); time.Since(old.read).Abs() < 2*s.config.Poll || !s.reading.TryLock() {
		return
	}
	defer s.reading.Unlock()
	ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	if err := s.Reload(ctx); err != nil {
		s.log.Error("secrets in use may be out of date", "error", err)
		former := s.state.Load()
		kept := *former
		kept.read = wall() // asked again after the next interval
		s.state.CompareAndSwap(former, &kept)
	}
}

// Keys tells about each secret as it was read last, in the order in which they
// were made.
func (s *Secrets) Keys() []KeyStatus {
	rows := slices.SortedFunc(slices.Values(s.state.Load().rows), func(a, b Key) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.KID, b.KID))
	})
	return statuses(rows, wall())
}

// update changes the set in the store by edit, under the compare-and-swap. Made
// is what a new secret is told as.
func (s *Secrets) update(ctx context.Context, made ChangeKind, edit func(rows []Key, now time.Time) ([]Key, error)) error {
	set := secretSet(s.config.Issuer)
	for attempt := range updateAttempts {
		former := s.state.Load()
		rows, version, err := s.config.Store.Keys(ctx, set)
		if err != nil {
			return fmt.Errorf("read secrets: %w", err)
		}
		now := milli(wall())
		next, err := edit(slices.Clone(rows), now)
		if err != nil {
			return err
		}
		next = tell(slices.DeleteFunc(next, func(k Key) bool { return k.State(now) == Gone }), now)
		if err := s.adopt(former, rows, version, now); err != nil || sameRows(rows, next) {
			return err
		}
		s.teller.begin()
		former = s.state.Load()
		err = s.config.Store.UpdateKeys(ctx, set, version, next)
		if err == nil {
			err = s.adopt(former, next, version+1, now)
			s.teller.wrote(next, version+1, made)
			return err
		}
		s.teller.failed()
		if !errors.Is(err, ErrConflict) {
			return fmt.Errorf("write secrets: %w", err)
		}
		if err := pause(ctx, rand.N(updateBackoff*time.Duration(attempt+1))); err != nil {
			return err
		}
	}
	return fmt.Errorf("%w, %d times in a row", ErrConflict, updateAttempts)
}
