package main

import (
	"context"
	"time"

	"github.com/claimsmith/claimsmith/server/authn"
	"github.com/claimsmith/claimsmith/storage"
)

// throttleStore is storage as a throttle sees it.
type throttleStore struct{ *storage.DB }

// CountFailures implements authn.Store.
func (s throttleStore) CountFailures(ctx context.Context, now time.Time, counts []authn.Count) (map[string]int, error) {
	stored := make([]storage.FailureCount, len(counts))
	for i, c := range counts {
		stored[i] = storage.FailureCount(c)
	}
	return s.DB.CountFailures(ctx, now, stored)
}
