package jwks_test

import (
	"context"
	"errors"
	"testing"

	"github.com/claimsmith/claimsmith/jwks"
)

func TestRewrap(t *testing.T) {
	store := new(jwks.MemoryStore)
	both := sealerOf(t, map[string][]byte{"m1": masterA, "m2": masterB}, "m2")
	c := jwks.Config{Store: store, Sealer: sealerOf(t, map[string][]byte{"m1": masterA}, "m1"), Algorithms: []string{"ES256", "EdDSA"}}
	old := open(t, c)
	if _, err := old.Rotate(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	token := sign(t, old)
	c.Sealer = both
	serving := open(t, c)
	for i, want := range []int{4, 0} {
		if got, err := jwks.Rewrap(t.Context(), store, both, issuer); err != nil || len(got) != want {
			t.Errorf("call %d sealed %d keys, %v, want %d", i, len(got), err, want)
		}
	}
	if err := serving.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := sign(t, serving); kidOf(t, got) != kidOf(t, token) || serving.Ready() != nil {
		t.Errorf("the ring that was open signs with %s, %v", kidOf(t, got), serving.Ready())
	}
	c.Sealer = sealerOf(t, map[string][]byte{"m2": masterB}, "m2")
	without := open(t, c)
	if _, err := without.Verify(t.Context(), token); err != nil {
		t.Errorf("a token from before, without the old master key: %v", err)
	}
	if kidOf(t, sign(t, without)) != kidOf(t, token) {
		t.Error("another key signs")
	}
}

func TestRewrapWithoutTheOldMasterKeyChangesNothing(t *testing.T) {
	store := &flakyStore{Store: new(jwks.MemoryStore)}
	open(t, jwks.Config{Store: store, Sealer: sealerOf(t, map[string][]byte{"m1": masterA}, "m1")})
	only := sealerOf(t, map[string][]byte{"m2": masterB}, "m2")
	if _, err := jwks.Rewrap(t.Context(), store, only, issuer); !errors.Is(err, jwks.ErrMasterKey) {
		t.Errorf("rewrap: %v, want ErrMasterKey", err)
	}
	if got := store.writes.Load(); got != 1 {
		t.Errorf("the set was written %d times, want once", got)
	}
}

// A conflictingStore lets others write between a read and the update after it.
type conflictingStore struct {
	jwks.Store
	meanwhile func()
}

func (s *conflictingStore) UpdateKeys(ctx context.Context, issuer string, version int64, keys []jwks.Key) error {
	if f := s.meanwhile; f != nil {
		s.meanwhile = nil
		f()
	}
	return s.Store.UpdateKeys(ctx, issuer, version, keys)
}

func TestRewrapKeepsAKeyThatIsMadeMeanwhile(t *testing.T) {
	store := &conflictingStore{Store: new(jwks.MemoryStore)}
	c := jwks.Config{Store: store, Sealer: sealerOf(t, map[string][]byte{"m1": masterA}, "m1")}
	r := open(t, c)
	store.meanwhile = func() {
		if _, err := r.Rotate(t.Context(), false); err != nil {
			t.Error(err)
		}
	}
	both := sealerOf(t, map[string][]byte{"m1": masterA, "m2": masterB}, "m2")
	if got, err := jwks.Rewrap(t.Context(), store, both, issuer); err != nil || len(got) != 2 {
		t.Errorf("sealed %d keys, %v, want 2", len(got), err)
	}
}
