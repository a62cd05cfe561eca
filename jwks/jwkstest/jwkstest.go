// Package jwkstest has the behaviour that every [jwks.Store] must show. A store
// runs it in its own tests; the package knows none.
package jwkstest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/jwks"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestStore runs the suite. open returns a store without any key, a new one at
// each call; what it needs to close belongs into t.Cleanup.
func TestStore(t *testing.T, open func(t *testing.T) jwks.Store) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, jwks.Store)
	}{
		{"an issuer without keys has version 0", testEmpty},
		{"a set comes back as it was written", testRoundTrip},
		{"an update replaces the whole set", testReplace},
		{"an update of another version changes nothing", testConflict},
		{"issuers are apart", testIssuers},
		{"what was given and returned is not shared", testAliasing},
		{"of updates at once one succeeds", testRace},
		{"a context that ended ends a call", testContext},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

const issuer = "https://issuer.example"

func testEmpty(t *testing.T, s jwks.Store) {
	expect(t, s, issuer, 0)
	if err := s.UpdateKeys(t.Context(), issuer, 1, nil); !errors.Is(err, jwks.ErrConflict) {
		t.Errorf("update of version 1 of no set: %v, want ErrConflict", err)
	}
	expect(t, s, issuer, 0)
}

func testRoundTrip(t *testing.T, s jwks.Store) {
	pair, secret := keyPair("a"), jwks.Key{
		KID: "a secret's kid, chosen by hand: ü/'\"", Algorithm: "HS256",
		Sealed: allBytes(), Created: at(1), Announced: at(1), Active: at(1),
	}
	retired := keyPair("b")
	retired.Retired, retired.Gone = at(4*time.Hour+time.Millisecond), at(5*time.Hour+999*time.Millisecond)
	revoked := retired
	revoked.KID, revoked.Revoked = "c", at(4*time.Hour+2*time.Millisecond)
	retired.Told, revoked.Told = jwks.Retired, jwks.Revoked
	update(t, s, issuer, 0, pair, secret, retired, revoked)
	expect(t, s, issuer, 1, pair, secret, retired, revoked)
}

func testReplace(t *testing.T, s jwks.Store) {
	a, b, c := keyPair("a"), keyPair("b"), keyPair("c")
	update(t, s, issuer, 0, a, b)
	b.Active, b.Retired, b.Sealed, b.Told = at(time.Minute), at(time.Hour), []byte("sealed anew"), jwks.Active
	update(t, s, issuer, 1, b, c)
	expect(t, s, issuer, 2, b, c)
	update(t, s, issuer, 2)
	expect(t, s, issuer, 3)
	update(t, s, issuer, 3, a)
	expect(t, s, issuer, 4, a)
}

func testConflict(t *testing.T, s jwks.Store) {
	a, b := keyPair("a"), keyPair("b")
	update(t, s, issuer, 0, a)
	update(t, s, issuer, 1, a)
	for _, version := range []int64{0, 1, 3, -1} {
		if err := s.UpdateKeys(t.Context(), issuer, version, []jwks.Key{b}); !errors.Is(err, jwks.ErrConflict) {
			t.Errorf("update of version %d while it is 2: %v, want ErrConflict", version, err)
		}
	}
	expect(t, s, issuer, 2, a)
}

func testIssuers(t *testing.T, s jwks.Store) {
	a, b := keyPair("a"), keyPair("b")
	update(t, s, issuer, 0, a)
	expect(t, s, issuer+"/other", 0)
	update(t, s, issuer+"/other", 0, a, b) // a kid may be in both
	update(t, s, issuer, 1)
	expect(t, s, issuer, 2)
	expect(t, s, issuer+"/other", 1, a, b)
}

func testAliasing(t *testing.T, s jwks.Store) {
	given := []jwks.Key{keyPair("a")}
	update(t, s, issuer, 0, given...)
	given[0].Sealed[0] ^= 1
	given[0].KID = "changed"
	for range 2 {
		keys, _, err := s.Keys(t.Context(), issuer)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]jwks.Key{keyPair("a")}, keys, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("keys (-want +got):\n%s", diff)
		}
		keys[0].Sealed[0] ^= 1
		keys[0].Public[0] = 'x'
		keys[0].KID = "changed"
	}
}

func testRace(t *testing.T, s jwks.Store) {
	const writers, rounds = 6, 5
	for version := range int64(rounds) {
		var (
			wg   sync.WaitGroup
			won  atomic.Int32
			left = make(chan jwks.Key, writers)
		)
		for i := range writers {
			wg.Go(func() {
				k := keyPair(fmt.Sprintf("%d-%d", version, i))
				switch err := s.UpdateKeys(t.Context(), issuer, version, []jwks.Key{k}); {
				case err == nil:
					won.Add(1)
					left <- k
				case !errors.Is(err, jwks.ErrConflict):
					t.Errorf("update: %v, want ErrConflict", err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d of %d writers of version %d succeeded, want 1", won.Load(), writers, version)
		}
		expect(t, s, issuer, version+1, <-left)
	}
}

func testContext(t *testing.T, s jwks.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := s.Keys(ctx, issuer); !errors.Is(err, context.Canceled) {
		t.Errorf("Keys: %v, want context.Canceled", err)
	}
	if err := s.UpdateKeys(ctx, issuer, 0, []jwks.Key{keyPair("a")}); !errors.Is(err, context.Canceled) {
		t.Errorf("UpdateKeys: %v, want context.Canceled", err)
	}
	expect(t, s, issuer, 0)
}

func update(t *testing.T, s jwks.Store, issuer string, version int64, keys ...jwks.Key) {
	t.Helper()
	if err := s.UpdateKeys(t.Context(), issuer, version, keys); err != nil {
		t.Fatalf("update version %d: %v", version, err)
	}
}

func expect(t *testing.T, s jwks.Store, issuer string, version int64, want ...jwks.Key) {
	t.Helper()
	got, v, err := s.Keys(t.Context(), issuer)
	if err != nil {
		t.Fatalf("read keys: %v", err)
	}
	if v != version {
		t.Errorf("version is %d, want %d", v, version)
	}
	byKID := cmpopts.SortSlices(func(a, b jwks.Key) int { return strings.Compare(a.KID, b.KID) })
	if diff := cmp.Diff(want, got, byKID, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

func keyPair(kid string) jwks.Key {
	return jwks.Key{
		KID: kid, Algorithm: "ES256",
		Public: json.RawMessage(`{"kty":"EC","kid":"` + kid + `"}`),
		Sealed: allBytes(), Created: at(0), Announced: at(time.Millisecond), Active: at(time.Hour),
	}
}

func at(d time.Duration) time.Time {
	return time.Date(2030, time.March, 31, 23, 59, 59, 123e6, time.UTC).Add(d.Truncate(time.Millisecond))
}

func allBytes() []byte {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}
