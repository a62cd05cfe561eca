package jwks_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/claimsmith/claimsmith/jwks"
)

func TestRevoke(t *testing.T) {
	for _, test := range []struct {
		name           string
		before, revoke string // states of the keys; the one to revoke by its state
		rotate         time.Duration
		want           string
	}{
		{"the only key", "active", "active", time.Hour, "revoked active"},
		{"an active key with a successor", "active announced", "active", 9 * time.Hour, "revoked active"},
		{"an announced key", "active announced", "announced", 9 * time.Hour, "active revoked announced"},
		{"a retired key", "retired active", "retired", 10 * time.Hour, "revoked active"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start, store := time.Now(), new(jwks.MemoryStore)
				here, there := open(t, hourly(store)), open(t, hourly(store))
				run(t, here)
				run(t, there)
				first := sign(t, here)
				to(start, test.rotate)
				if got := states(here); got != test.before {
					t.Fatalf("before: %s, want %s", got, test.before)
				}
				kid := inState(t, here, test.revoke)
				if _, err := here.Revoke(t.Context(), kid); err != nil {
					t.Fatal(err)
				}
				if err := there.Reload(t.Context()); err != nil {
					t.Fatal(err)
				}
				for name, r := range map[string]*jwks.Ring{"here": here, "there": there} {
					if got := states(r); got != test.want {
						t.Errorf("%s: %s, want %s", name, got, test.want)
					}
					if strings.Contains(get(r, nil).Body.String(), kid) {
						t.Errorf("%s the revoked key is published", name)
					}
					_, err := r.Verify(t.Context(), first)
					if revoked := kidOf(t, first) == kid; errors.Is(err, jwks.ErrRevokedKey) != revoked || errors.Is(err, jwks.ErrInvalid) != revoked {
						t.Errorf("%s: %v", name, err)
					}
					if got := kidOf(t, sign(t, r)); got != inState(t, r, "active") {
						t.Errorf("%s %s signs, want the active key", name, got)
					}
					if err := r.Ready(); err != nil {
						t.Errorf("%s: %v", name, err)
					}
				}
			})
		})
	}
}

func inState(t *testing.T, r *jwks.Ring, state string) string {
	t.Helper()
	for _, k := range r.Keys() {
		if string(k.State) == state {
			return k.KID
		}
	}
	t.Fatalf("no key is %s: %s", state, states(r))
	return ""
}

func TestRevokedKeyIsRefusedByNameUntilItsTokensHaveExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, r := time.Now(), open(t, hourly(nil))
		run(t, r)
		token := sign(t, r)
		revoked, err := r.Revoke(t.Context(), kidOf(t, token))
		if err != nil {
			t.Fatal(err)
		}
		again, err := r.Revoke(t.Context(), revoked.KID)
		if err != nil || !again.Revoked.Equal(revoked.Revoked) {
			t.Errorf("revoked again: %v, %v", again, err)
		}
		if got := states(r); len(r.Keys()) != 2 {
			t.Errorf("revoked twice: %s", got)
		}
		to(start, 5*time.Hour-time.Millisecond)
		if _, err := r.Verify(t.Context(), token); !errors.Is(err, jwks.ErrRevokedKey) {
			t.Errorf("while its tokens live: %v, want ErrRevokedKey", err)
		}
		to(start, 5*time.Hour)
		if _, err := r.Verify(t.Context(), token); !errors.Is(err, jwks.ErrUnknownKey) {
			t.Errorf("when they have expired: %v, want ErrUnknownKey", err)
		}
		if got := states(r); got != "active" {
			t.Errorf("when they have expired: %s", got)
		}
		if _, err := r.Revoke(t.Context(), revoked.KID); !errors.Is(err, jwks.ErrNoKey) {
			t.Errorf("a key that is gone: %v, want ErrNoKey", err)
		}
	})
}

// A replica that cannot reach the store learns last: the bound is Config.Poll
// where nobody tells it, and it never signs with the key again after that.
func TestRevocationReachesAReplicaThatNobodyTellsWithinPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, store := time.Now(), new(jwks.MemoryStore)
		here, there := open(t, hourly(store)), open(t, hourly(store))
		run(t, there)
		token := sign(t, there)
		if _, err := here.Revoke(t.Context(), kidOf(t, token)); err != nil {
			t.Fatal(err)
		}
		to(start, time.Minute) // its Poll
		if _, err := there.Verify(t.Context(), token); !errors.Is(err, jwks.ErrRevokedKey) {
			t.Errorf("verify: %v, want ErrRevokedKey", err)
		}
		if kidOf(t, sign(t, there)) == kidOf(t, token) {
			t.Error("it signs with the revoked key")
		}
	})
}
