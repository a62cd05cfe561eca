package main

import (
	"context"
	"time"

	"github.com/claimsmith/claimsmith/server/authn"
)

// pruneEvery is how often rows that are over are looked for, pruneLimit how many
// one statement removes, so that it holds no lock for long, and pruneTimeout when
// storage that does not answer is given up until the next time. By pruneLater rows
// outlive what they are about: a token that was revoked, or an assertion that was
// used, must not count again at a replica whose clock is behind.
const (
	pruneEvery   = 10 * time.Minute
	pruneLimit   = 1000
	pruneTimeout = time.Minute
	pruneLater   = time.Hour
)

// prune removes what is over now and then, until ctx ends.
func (in *instance) prune(ctx context.Context) error {
	tick := time.NewTicker(pruneEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			in.pruneAll(ctx, now)
		}
	}
}

// pruneAll removes every session, revocation, used assertion and failure that
// was over pruneLater before now.
func (in *instance) pruneAll(ctx context.Context, now time.Time) {
	now = now.Add(-pruneLater)
	for _, prune := range []func(context.Context) (int64, error){
		func(ctx context.Context) (int64, error) { return in.db.PruneSessions(ctx, now, pruneLimit) },
		func(ctx context.Context) (int64, error) { return in.db.PruneRevocations(ctx, now, pruneLimit) },
		func(ctx context.Context) (int64, error) { return in.db.PruneAssertions(ctx, now, pruneLimit) },
		func(ctx context.Context) (int64, error) {
			return in.db.PruneThrottle(ctx, now, now.Add(-authn.KnownFor), pruneLimit)
		},
	} {
		for ctx.Err() == nil {
			bounded, cancel := context.WithTimeout(ctx, pruneTimeout)
			n, err := prune(bounded)
			cancel()
			if err != nil && ctx.Err() == nil {
				in.log.Warn("prune storage", "error", err)
			}
			if err != nil || n < pruneLimit {
				break
			}
		}
	}
}
