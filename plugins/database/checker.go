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

// check reports whether the password is the one that the person's hash is of.
// nil is a person who does not exist. The error wraps sdk.ErrUnavailable.
func (c *checker) check(ctx context.Context, found *account, secret sdk.Secret) (bool, error) {
	hash := *c.decoy.Load()
	if found != nil {
		if stored, ok := c.parse(ctx, found); ok {
			hash = stored
		}
	}
	if err := c.gate.enter(ctx); err != nil {
		return false, err
	}
	defer c.gate.leave()
	return hash.Verify(secret.Reveal()), nil
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
