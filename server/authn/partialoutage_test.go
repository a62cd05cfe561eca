package authn_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server/authn"
)

// While one plugin of two is down nobody learns whom the other knows: a wrong
// password and an unknown person get the same answer, after the same time.
func TestHalfAChainTellsNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		down := &plugin{err: sdk.Unavailable(errors.New("connection refused"))}
		even := authn.NewEven(authn.Chain{
			{Name: "down", Plugin: down},
			{Name: "last", Plugin: &slow{knows: "last", takes: 20 * time.Millisecond}},
		})
		latencies(even, 20)
		took := map[string][]time.Duration{}
		for range 200 {
			for _, name := range []string{"last", "nobody"} {
				began := time.Now()
				_, err := even.Authenticate(context.Background(), sdk.Request{
					Credential: sdk.Credential{Kind: sdk.Password, Username: name, Secret: "wrong"},
				})
				if !errors.Is(err, sdk.ErrUnavailable) {
					t.Fatalf("%s: %v", name, err)
				}
				took[name] = append(took[name], time.Since(began))
			}
		}
		for _, series := range took {
			slices.Sort(series)
		}
		for _, q := range []float64{.05, .5, .95} {
			known, unknown := quantile(took["last"], q), quantile(took["nobody"], q)
			if known < unknown*97/100 || known > unknown*103/100 {
				t.Errorf("a known person takes %v at the quantile %v, nobody %v", known, q, unknown)
			}
		}
	})
}

// What a plugin has denied counts, although another is down and the answer is
// that nobody can tell.
func TestHalfAChainIsNoWayRoundTheThrottle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		judge := &plugin{err: sdk.Denied(sdk.Invalid)}
		around := newReplica(t, newShelf(), nil).throttle.Around("main", authn.Chain{
			{Name: "down", Plugin: &plugin{err: sdk.Unavailable(errors.New("connection refused"))}},
			{Name: "judge", Plugin: judge},
		})
		for range 20 {
			around.Authenticate(t.Context(), sdk.Request{
				Credential: sdk.Credential{Kind: sdk.Password, Username: "alice", Secret: "wrong"}, Remote: netip.MustParseAddr("192.0.2.1"),
			})
		}
		if judge.asked > 5 {
			t.Errorf("%d guesses were looked at, want at most 5", judge.asked)
		}
	})
}
