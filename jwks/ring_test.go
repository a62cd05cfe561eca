package jwks_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/claimsmith/claimsmith/jwks"
)

const issuer = "https://issuer.example"

// newSealer returns a sealer whose one master key is the same in all tests.
func newSealer(t testing.TB) *jwks.Sealer {
	t.Helper()
	s, err := jwks.NewSealer(map[string][]byte{"m1": bytes.Repeat([]byte("m"), 32)}, "m1")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// open opens a ring on c, to which it adds what c leaves out.
func open(t testing.TB, c jwks.Config) *jwks.Ring {
	t.Helper()
	r, err := jwks.Open(t.Context(), complete(t, c))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func complete(t testing.TB, c jwks.Config) jwks.Config {
	t.Helper()
	c.Issuer = issuer
	if c.Store == nil {
		c.Store = new(jwks.MemoryStore)
	}
	if c.Sealer == nil {
		c.Sealer = newSealer(t)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

var errDown = errors.New("store is down")

// A flakyStore fails while it is down. It counts the sets that were written.
type flakyStore struct {
	jwks.Store
	down   atomic.Bool
	writes atomic.Int32
	reads  atomic.Int32
}

func (s *flakyStore) Keys(ctx context.Context, issuer string) ([]jwks.Key, int64, error) {
	if s.down.Load() {
		return nil, 0, errDown
	}
	s.reads.Add(1)
	return s.Store.Keys(ctx, issuer)
}

func (s *flakyStore) UpdateKeys(ctx context.Context, issuer string, version int64, keys []jwks.Key) error {
	if s.down.Load() {
		return errDown
	}
	err := s.Store.UpdateKeys(ctx, issuer, version, keys)
	if err == nil {
		s.writes.Add(1)
	}
	return err
}

// A kid is given to commands, where one that begins with a dash is a flag.
func TestNoKIDBeginsWithADash(t *testing.T) {
	for range 400 { // one thumbprint in 64 begins with one
		r := open(t, jwks.Config{Algorithms: []string{"EdDSA"}})
		if kid := r.Keys()[0].KID; strings.HasPrefix(kid, "-") {
			t.Fatalf("key %s", kid)
		}
	}
}
