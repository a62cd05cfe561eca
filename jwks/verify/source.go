package verify

import (
	"cmp"
	"context"
	"crypto"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/claimsmith/claimsmith/jwks/internal/jwk"
)

// fetchTimeout bounds one look at the issuer, metadata included.
const fetchTimeout = 10 * time.Second

// maxBackoff bounds how long the issuer is left alone after failures.
const maxBackoff = time.Minute

// source keeps the issuer's keys.
type source struct {
	config Config
	state  atomic.Pointer[known]
	asking chan struct{} // held by the one call that asks the issuer
}

// known is what is known of the issuer's keys. It never changes.
type known struct {
	keys    map[string][]jwk.Key // by kid
	url     string               // of the key set
	etag    string
	fetched time.Time // when the keys came; zero: never
	until   time.Time // for how long the issuer lets them be kept
	tried   time.Time // when it was asked last
	failed  error     // why that did not work, nil if it did
	fails   int       // in a row
}

func newSource(c Config) *source {
	s := &source{config: c, asking: make(chan struct{}, 1)}
	s.state.Store(&known{url: c.JWKS})
	return s
}

// find returns the public key of a kid for an algorithm.
func (s *source) find(ctx context.Context, kid, algorithm string) (crypto.PublicKey, error) {
	k := s.state.Load()
	public := k.find(kid, algorithm)
	if public == nil || !time.Now().Before(k.until) {
		k = s.refresh(ctx, k, public == nil || s.outdated(k))
		public = k.find(kid, algorithm)
	}
	switch {
	case s.outdated(k):
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, cmp.Or(k.failed, errNotAsked))
	case public != nil:
		return public, nil
	case k.failed != nil:
		return nil, fmt.Errorf("%w: key %q is not among those known: %w", ErrUnavailable, kid, k.failed)
	}
	return nil, fmt.Errorf("%w: the issuer has no key %q for %s", ErrInvalid, kid, algorithm)
}

// outdated reports whether the keys may not be used, not even for want of others.
func (s *source) outdated(k *known) bool {
	return k.fetched.IsZero() || time.Since(k.until) > s.config.MaxStale
}

// find returns nil if there is no such key.
func (k *known) find(kid, algorithm string) crypto.PublicKey {
	i := slices.IndexFunc(k.keys[kid], func(key jwk.Key) bool { return signs(key, algorithm) })
	if i < 0 {
		return nil
	}
	return k.keys[kid][i].Public
}

// refresh asks the issuer unless that was done a moment ago, or another call
// did it meanwhile. A caller that can do without does not wait for another.
func (s *source) refresh(ctx context.Context, old *known, wait bool) *known {
	if time.Since(old.tried) < s.pause(old) {
		return old
	}
	if !s.ask(ctx, wait) {
		return s.state.Load()
	}
	defer func() { <-s.asking }()
	if now := s.state.Load(); now != old {
		return now
	}
	next, err := s.fetch(ctx, old)
	if err != nil {
		s.config.Log.Warn("keys of the issuer cannot be fetched", "issuer", s.config.Issuer, "error", err)
		failed := *old
		failed.failed, failed.fails = err, old.fails+1
		next = &failed
	}
	next.tried = time.Now()
	s.state.Store(next)
	return next
}

// ask reports whether the caller is the one to ask the issuer.
func (s *source) ask(ctx context.Context, wait bool) bool {
	if !wait {
		select {
		case s.asking <- struct{}{}:
			return true
		default:
			return false
		}
	}
	select {
	case s.asking <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// pause is for how long the issuer is left alone.
func (s *source) pause(k *known) time.Duration {
	return max(s.config.Cooldown, min(s.config.Cooldown<<min(k.fails, 16), maxBackoff))
}

var errNotAsked = errors.New("the issuer has not answered yet")

// Run asks the issuer for its keys at once and whenever they are about to grow
// too old, until ctx ends, so that no caller of Verify has to wait for it. It
// is optional, and returns nil.
func (v *Verifier) Run(ctx context.Context) error {
	s := v.keys
	for {
		k := s.state.Load()
		if wait := min(time.Until(k.until)*3/4, time.Hour); wait > 0 && !sleep(ctx, max(wait, s.config.Cooldown)) {
			return nil
		}
		k = s.refresh(ctx, s.state.Load(), true)
		if !sleep(ctx, max(s.pause(k)-time.Since(k.tried), time.Millisecond)) {
			return nil
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
