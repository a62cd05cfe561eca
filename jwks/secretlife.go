package jwks

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"
)

var secretName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// Ensure makes a secret of the name for the algorithm, HS256, HS384 or HS512,
// if it has none. Of several callers one makes it and all use it.
func (s *Secrets) Ensure(ctx context.Context, name, algorithm string) error {
	now := wall()
	if of := secretsOf(s.state.Load().rows, name, now); len(of) > 0 && longEnough(of[signingSecret(of, now):], name, algorithm) == nil {
		return nil
	}
	secret := newSecret(algorithm)
	err := s.update(ctx, ChangeAnnounced, func(rows []Key, now time.Time) ([]Key, error) {
		if of := secretsOf(rows, name, now); len(of) > 0 {
			return rows, longEnough(of[signingSecret(of, now):], name, algorithm)
		}
		return s.add(rows, name, algorithm, secret, now, 0)
	})
	if err != nil {
		return fmt.Errorf("make secret %q: %w", name, err)
	}
	return nil
}

// longEnough refuses a secret that signs, or will, and is too short for the
// algorithm. One that only verifies signed what it was long enough for.
func longEnough(of []Key, name, algorithm string) error {
	for _, k := range of {
		if SecretSize(k.Algorithm) < SecretSize(algorithm) {
			return fmt.Errorf("secret %q is for %s, which is shorter than %s wants: rotate or import it for that", name, k.Algorithm, algorithm)
		}
	}
	return nil
}

// Import adds a secret that a service has already, and returns its row. The
// first of a name signs at once, any other after the time that is given: long
// enough for every service that verifies to be told of it if they can hold two,
// or 0 if they can hold one. From when it signs, its predecessor only verifies,
// for Retain.
func (s *Secrets) Import(ctx context.Context, name, algorithm string, secret []byte, after time.Duration) (Key, error) {
	return s.put(ctx, ChangeImported, name, algorithm, secret, after)
}

func (s *Secrets) put(ctx context.Context, made ChangeKind, name, algorithm string, secret []byte, after time.Duration) (Key, error) {
	var kid string
	err := s.update(ctx, made, func(rows []Key, now time.Time) ([]Key, error) {
		rows, err := s.add(rows, name, algorithm, secret, now, after)
		if err == nil {
			kid = rows[len(rows)-1].KID
		}
		return rows, err
	})
	if err != nil {
		return Key{}, fmt.Errorf("add secret %q: %w", name, err)
	}
	return s.row(kid), nil
}

// Rotate is Import with a secret that it makes.
func (s *Secrets) Rotate(ctx context.Context, name, algorithm string, after time.Duration) (Key, error) {
	return s.put(ctx, ChangeAnnounced, name, algorithm, newSecret(algorithm), after)
}

// Revoke ends the secret of the kid at once: it neither signs nor verifies. If
// it was the one that signs, its successor does, or a new one of the same
// algorithm if there is none, which services have to be given.
func (s *Secrets) Revoke(ctx context.Context, kid string) (Key, error) {
	err := s.update(ctx, ChangeAnnounced, func(rows []Key, now time.Time) ([]Key, error) {
		i := slices.IndexFunc(rows, func(k Key) bool { return k.KID == kid })
		if i < 0 {
			return nil, fmt.Errorf("%w: %s", ErrNoKey, kid)
		}
		k := &rows[i]
		if k.revoked() {
			return rows, nil
		}
		k.Revoked, k.Retired = now, now
		k.Gone = later(k.Gone, s.gone(now))
		return s.replace(rows, nameOf(*k), k.Algorithm, now)
	})
	if err != nil {
		return Key{}, fmt.Errorf("revoke secret: %w", err)
	}
	return s.row(kid), nil
}

// replace makes sure that a secret of the name signs.
func (s *Secrets) replace(rows []Key, name, algorithm string, now time.Time) ([]Key, error) {
	next := -1
	for i, k := range rows {
		if nameOf(k) == name && !k.revoked() && !begun(k.Retired, now) && (next < 0 || byActive(k, rows[next]) < 0) {
			next = i
		}
	}
	if next < 0 {
		return s.add(rows, name, algorithm, newSecret(algorithm), now, 0)
	}
	rows[next].Active = earlier(rows[next].Active, now)
	s.settle(rows, name, now)
	return rows, nil
}

// add appends the row of a secret.
func (s *Secrets) add(rows []Key, name, algorithm string, secret []byte, now time.Time, after time.Duration) ([]Key, error) {
	if !secretName.MatchString(name) {
		return nil, fmt.Errorf("the name is not of the form %s", secretName)
	}
	if err := checkSecret(algorithm, secret); err != nil {
		return nil, err
	}
	active := now
	for _, k := range secretsOf(rows, name, now) {
		if !begun(k.Retired, now) {
			active = later(milli(now.Add(after)), k.Active.Add(time.Millisecond)) // two never begin together
		}
	}
	k := Key{KID: newSecretKID(name), Algorithm: algorithm, Created: now, Announced: now, Active: active}
	var err error
	if k.Sealed, err = s.config.Sealer.Seal(secretSet(s.config.Issuer), algorithm, k.KID, secret); err != nil {
		return nil, err
	}
	rows = append(rows, k)
	s.settle(rows, name, now)
	return rows, nil
}

// settle sets the end of each secret of the name by its successor's start.
func (s *Secrets) settle(rows []Key, name string, now time.Time) {
	for i := range rows {
		k := &rows[i]
		if nameOf(*k) != name || k.revoked() || begun(k.Retired, now) {
			continue
		}
		k.Retired, k.Gone = time.Time{}, time.Time{}
		if next := successorByName(rows, k); next != nil {
			k.Retired, k.Gone = next.Active, s.gone(next.Active)
		}
	}
}

// gone is when a secret that retires at the given time verifies no more.
func (s *Secrets) gone(retired time.Time) time.Time {
	return milli(retired.Add(s.config.Retain + s.config.Skew + s.config.Poll))
}

func (s *Secrets) row(kid string) Key {
	rows := s.state.Load().rows
	if i := slices.IndexFunc(rows, func(k Key) bool { return k.KID == kid }); i >= 0 {
		return rows[i]
	}
	return Key{KID: kid}
}

// successorByName returns the secret of k's name that takes over from it, or nil.
func successorByName(rows []Key, k *Key) *Key {
	var next *Key
	for i := range rows {
		o := &rows[i]
		if nameOf(*o) == nameOf(*k) && !o.revoked() && byActive(*o, *k) > 0 && (next == nil || byActive(*o, *next) < 0) {
			next = o
		}
	}
	return next
}
