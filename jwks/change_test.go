package jwks_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/jwks"
)

// told collects the changes that rings say are theirs.
type told struct {
	start time.Time

	mu      sync.Mutex
	names   map[string]string // a letter by kid, in the order in which they are met
	changes []string          // AFTER KEY KIND
}

func (*told) Signed(string)          {}
func (*told) Verified(string, error) {}

func (o *told) Changed(c jwks.Change) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.names == nil {
		o.names = map[string]string{}
	}
	if o.names[c.KID] == "" {
		o.names[c.KID] = string(rune('a' + len(o.names)))
	}
	if c.Own {
		at := time.Now()
		if !c.At.IsZero() {
			at = c.At
		}
		o.changes = append(o.changes, fmt.Sprintf("%s %s %s", at.Sub(o.start), o.names[c.KID], c.Kind))
	}
}

// since returns what was told since it was last asked.
func (o *told) since() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	changes := o.changes
	o.changes = nil
	return changes
}

// Of six rings that share keys, one tells of each change: the one that made it,
// or the first to see what the clock did.
func TestEachChangeIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &told{start: time.Now()}
		c := hourly(new(jwks.MemoryStore))
		c.Observer = o
		var rings []*jwks.Ring
		for range 6 {
			rings = append(rings, open(t, c))
		}
		for _, r := range rings {
			run(t, r)
		}
		for _, step := range []struct {
			after time.Duration
			want  []string
		}{
			{9 * time.Hour, []string{"0s a activated", "0s a announced", "8h0m0s b announced"}},
			{11 * time.Hour, []string{"10h0m0s a retired", "10h0m0s b activated"}},
			{16 * time.Hour, []string{"15h0m0s a removed"}},
			{19 * time.Hour, []string{"18h0m0s c announced"}},
		} {
			to(o.start, step.after)
			got := o.since()
			slices.Sort(got)
			if diff := cmp.Diff(step.want, got); diff != "" {
				t.Errorf("after %s (-want +got):\n%s", step.after, diff)
			}
		}
		if _, err := rings[3].Revoke(t.Context(), rings[3].Keys()[0].KID); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		got := o.since()
		slices.Sort(got)
		if want := []string{"19h0m0s b revoked", "19h0m0s c activated", "19h0m0s c advanced"}; !slices.Equal(got, want) {
			t.Errorf("a revocation: %q, want %q", got, want)
		}
	})
}

// What came to pass while nobody ran is told when somebody does again, as of then.
func TestWhatTheClockDidMeanwhileIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &told{start: time.Now()}
		c := hourly(new(jwks.MemoryStore))
		c.Observer = o
		if _, err := open(t, c).Rotate(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		o.since()
		to(o.start, 4*time.Hour)
		open(t, c)
		open(t, c)
		run(t, open(t, c))
		synctest.Wait()
		got := strings.Join(o.since(), ", ")
		if want := "2h0m0s a retired, 2h0m0s b activated"; got != want {
			t.Errorf("told %q, want %q", got, want)
		}
	})
}

func TestChangesOfSecretsAreToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &told{start: time.Now()}
		store := new(jwks.MemoryStore)
		var all []*jwks.Secrets
		var wg sync.WaitGroup
		for range 3 {
			s, err := jwks.OpenSecrets(t.Context(), jwks.SecretsConfig{
				Issuer: issuer, Store: store, Sealer: newSealer(t), Observer: o, Log: slog.New(slog.DiscardHandler), Retain: 5*time.Hour - 2*time.Minute, Skew: time.Minute, Poll: time.Minute,
			})
			if err != nil {
				t.Fatal(err)
			}
			wg.Go(func() { s.Run(t.Context()) })
			all = append(all, s)
		}
		if _, err := all[0].Import(t.Context(), "acme", "HS256", []byte("0123456789abcdefghijklmnopqrstuv"), 0); err != nil {
			t.Fatal(err)
		}
		if _, err := all[0].Rotate(t.Context(), "acme", "HS256", 150*time.Minute); err != nil {
			t.Fatal(err)
		}
		for _, s := range all { // as at a notification
			if err := s.Reload(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		to(o.start, 8*time.Hour)
		got := o.since()
		slices.Sort(got)
		want := []string{"0s a activated", "0s a imported", "0s b announced", "2h30m0s a retired", "2h30m0s b activated", "7h30m0s a removed"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
	})
}

// echoing is a store that shows a write to its reader before the writer knows
// that it succeeded, as a notification does.
type echoing struct {
	jwks.Store
	wrote func()
}

func (e *echoing) UpdateKeys(ctx context.Context, issuer string, version int64, keys []jwks.Key) error {
	err := e.Store.UpdateKeys(ctx, issuer, version, keys)
	if err == nil && e.wrote != nil {
		e.wrote()
	}
	return err
}

func TestAChangeIsOwnThoughItWasReadFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, store := &told{start: time.Now()}, &echoing{Store: new(jwks.MemoryStore)}
		c := hourly(store)
		c.Observer = o
		r := open(t, c)
		o.since()
		store.wrote = func() {
			if err := r.Reload(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if _, err := r.Rotate(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		if got := o.since(); !slices.Equal(got, []string{"0s b announced"}) {
			t.Errorf("told %q, want the announcement once", got)
		}
	})
}
