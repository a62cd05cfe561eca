package jwks

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
)

// Rewrap seals the keys of an issuer's set anew under the current master key of
// sealer, which has to hold the master keys that they are sealed under as well,
// and returns what it changed: nothing when it is done again. The set changes in
// one step or not at all, so a crash loses nothing. Rings that are open have to
// hold the current master key before.
func Rewrap(ctx context.Context, store Store, sealer *Sealer, issuer string) (sealed []Change, err error) {
	for attempt := range updateAttempts {
		if sealed, err = rewrap(ctx, store, sealer, issuer); !errors.Is(err, ErrConflict) {
			break
		}
		if err := pause(ctx, rand.N(updateBackoff*(1<<min(attempt, 6)))); err != nil {
			return nil, fmt.Errorf("rewrap keys of %s: %w", issuer, err)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("rewrap keys of %s: %w", issuer, err)
	}
	return sealed, nil
}

func rewrap(ctx context.Context, store Store, sealer *Sealer, issuer string) (sealed []Change, err error) {
	keys, version, err := store.Keys(ctx, issuer)
	if err != nil {
		return nil, err
	}
	for i := range keys {
		k := &keys[i]
		if id, _, err := sealedUnder(k.Sealed); err == nil && id == sealer.current {
			continue
		}
		private, err := sealer.Open(issuer, k.Algorithm, k.KID, k.Sealed)
		if err != nil {
			return nil, err
		}
		k.Sealed, err = sealer.Seal(issuer, k.Algorithm, k.KID, private)
		clear(private)
		if err != nil {
			return nil, err
		}
		sealed = append(sealed, Change{
			Kind: ChangeRewrapped, Issuer: issuerOf(issuer), KID: k.KID, Algorithm: k.Algorithm, Active: k.Active, Own: true,
		})
	}
	if len(sealed) == 0 {
		return nil, nil
	}
	return sealed, store.UpdateKeys(ctx, issuer, version, keys)
}
