package database

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"

	"github.com/claimsmith/claimsmith/plugins/database/password"
	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// checker compares a password with a stored hash, or with a decoy where there
// is none to compare with, so that both take the same work.
type checker struct {
	policy password.Policy
	gate   *gate
	// decoy is as costly as the hash that was seen last. Until one was seen it is
	// as costly as a new one.
	decoy atomic.Pointer[password.Hash]
}

func newChecker(policy password.Policy, queue int) *checker {
	c := &checker{policy: policy, gate: newGate(queue)}
	usual := password.Usual()
	c.decoy.Store(&usual)
	return c
}

// attempt is one password that somebody offers. Where several servers are asked
// about the person it is compared once with each hash that they have.
type attempt struct {
	*checker
	secret sdk.Secret
	done   bool
	stored string // what it was compared with; "" where there was nobody
	hash   password.Hash
	right  bool
}

// check reports whether the password is the one that the person's hash is of.
// nil is a person who does not exist. The error wraps sdk.ErrUnavailable.
func (a *attempt) check(ctx context.Context, found *account) (bool, error) {
	stored := ""
	if found != nil {
		stored = found.password
	}
	if a.done && stored == a.stored {
		return a.right, nil
	}
	hash := *a.decoy.Load()
	if found != nil {
		if parsed, ok := a.parse(ctx, found); ok {
			hash = parsed
		}
	}
	if err := a.gate.enter(ctx); err != nil {
		return false, err
	}
	defer a.gate.leave(hash.Memory())
	a.done, a.stored, a.hash = true, stored, hash
	a.right = hash.Verify(a.secret.Reveal())
	return a.right, nil
}

func (c *checker) parse(ctx context.Context, found *account) (password.Hash, bool) {
	hash, err := c.policy.Parse(found.password)
	if err != nil {
		if !errors.Is(err, password.ErrUnusable) {
			slog.WarnContext(ctx, "cannot read a stored password hash", "subject", found.identity.Subject, "error", err)
		}
		return password.Hash{}, false
	}
	decoy := hash.Decoy()
	c.decoy.Store(&decoy)
	return hash, true
}
