package authn_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server/authn"
)

// slow is a plugin that knows one person and takes its time, now and then a
// long one.
type slow struct {
	plugin
	knows string
	takes time.Duration
}

func (s *slow) Authenticate(_ context.Context, r sdk.Request) (sdk.Identity, error) {
	takes := s.takes + time.Duration(rand.ExpFloat64()*float64(s.takes)/4)
	time.Sleep(takes) // fake, in a bubble
	switch {
	case r.Credential.Username != s.knows:
		return sdk.Identity{}, sdk.ErrUnknown
	case r.Credential.Secret == "right":
		return sdk.Identity{Subject: s.knows}, nil
	case r.Credential.Secret == "disabled":
		return sdk.Identity{}, sdk.Denied(sdk.Disabled)
	}
	return sdk.Identity{}, sdk.Denied(sdk.Invalid)
}

// latencies returns, for each kind of failure, how long it took, sorted.
func latencies(around sdk.Authenticator, rounds int) map[string][]time.Duration {
	took := map[string][]time.Duration{}
	for range rounds {
		for _, c := range []struct{ what, name, password string }{
			{"a wrong password in the first plugin", "first", "wrong"},
			{"a wrong password in the last plugin", "last", "wrong"},
			{"a disabled person", "first", "disabled"},
			{"nobody", "nobody", "wrong"},
			{"", "first", "right"},
		} {
			began := time.Now()
			around.Authenticate(context.Background(), sdk.Request{
				Credential: sdk.Credential{Kind: sdk.Password, Username: c.name, Secret: sdk.Secret(c.password)},
			})
			took[c.what] = append(took[c.what], time.Since(began))
		}
	}
	for _, series := range took {
		slices.Sort(series)
	}
	return took
}

func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[int(q*float64(len(sorted)-1))]
}

func TestFailuresTakeTheSameTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		chain := authn.Chain{
			{Name: "first", Plugin: &slow{knows: "first", takes: 5 * time.Millisecond}},
			{Name: "middle", Plugin: &slow{takes: 40 * time.Millisecond}},
			{Name: "last", Plugin: &slow{knows: "last", takes: 20 * time.Millisecond}},
		}
		even := authn.NewEven(chain)
		latencies(even, 20)
		took := latencies(even, 500)
		for _, q := range []float64{.05, .25, .5, .75, .95} {
			nobody := quantile(took["nobody"], q)
			for what, series := range took {
				if d := quantile(series, q); what != "" && (d < nobody*97/100 || d > nobody*103/100) {
					t.Errorf("%s takes %v at the quantile %v, where nobody takes %v", what, d, q, nobody)
				}
			}
		}
		if d := quantile(took[""], .5); d > 10*time.Millisecond {
			t.Errorf("a success takes %v", d)
		}
		bare := latencies(chain, 50)
		if a, b := quantile(bare["a wrong password in the first plugin"], .5), quantile(bare["nobody"], .5); b < 5*a {
			t.Errorf("without it they take %v and %v: the test shows nothing", a, b)
		}
	})
}

func TestOneSlowAnswerDoesNotSlowAllFailures(t *testing.T) {
	bubble(t, func(t *testing.T) {
		hangs := &slow{knows: "first", takes: 5 * time.Millisecond}
		even := authn.NewEven(authn.Chain{{Name: "a", Plugin: hangs}})
		latencies(even, 20)
		hangs.takes = time.Hour
		latencies(even, 1)
		hangs.takes = 5 * time.Millisecond
		for range 3 { // not long after
			latencies(even, 50)
		}
		if d := quantile(latencies(even, 20)["nobody"], .95); d > 3*time.Second {
			t.Errorf("a failure takes %v", d)
		}
	})
}
