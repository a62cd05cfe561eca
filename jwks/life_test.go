package jwks_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/claimsmith/claimsmith/jwks"
	"github.com/google/go-cmp/cmp"
)

// hourly is a schedule with round figures: a key signs for 10 h, is announced
// for 2 h and published for 5 h afterwards.
func hourly(s jwks.Store) jwks.Config {
	return jwks.Config{
		Algorithms: []string{"EdDSA"}, Store: s,
		RotateEvery: 10 * time.Hour, Announce: 2 * time.Hour, MaxAge: time.Hour,
		Retain: 5*time.Hour - 2*time.Minute, Skew: time.Minute, Poll: time.Minute,
	}
}

// run runs r until the test ends.
func run(t *testing.T, r *jwks.Ring) {
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := r.Run(t.Context()); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(wg.Wait)
}

// states tells the state of each key, oldest first.
func states(r *jwks.Ring) string {
	var s []string
	for _, k := range r.Keys() {
		s = append(s, string(k.State))
	}
	return strings.Join(s, " ")
}

func kids(t *testing.T, r *jwks.Ring) []string {
	t.Helper()
	var kids []string
	for _, k := range r.Keys() {
		kids = append(kids, k.KID)
	}
	return kids
}

func sign(t testing.TB, r *jwks.Ring) string {
	t.Helper()
	token, err := r.Sign(t.Context(), "", "", []byte(`{"sub":"alice"}`))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// to sleeps until d after start, and until all have done what they do then.
func to(start time.Time, d time.Duration) {
	time.Sleep(time.Until(start.Add(d)))
	synctest.Wait()
}

func TestLifeOfAKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		r := open(t, hourly(nil))
		run(t, r)
		first := sign(t, r)
		for _, step := range []struct {
			after time.Duration
			want  string
		}{
			{0, "active"},
			{8*time.Hour - time.Millisecond, "active"},
			{8 * time.Hour, "active announced"},
			{10*time.Hour - time.Millisecond, "active announced"},
			{10 * time.Hour, "retired active"},
			{15*time.Hour - time.Millisecond, "retired active"},
			{15 * time.Hour, "active"},
			{18 * time.Hour, "active announced"},
			{20 * time.Hour, "retired active"},
			{25 * time.Hour, "active"},
		} {
			to(start, step.after)
			if got := states(r); got != step.want {
				t.Errorf("after %s: %s, want %s", step.after, got, step.want)
			}
			if err := r.Ready(); err != nil {
				t.Errorf("after %s: not ready: %v", step.after, err)
			}
			switch _, err := r.Verify(t.Context(), first); {
			case step.after < 15*time.Hour && err != nil:
				t.Errorf("after %s: verify: %v", step.after, err)
			case step.after >= 15*time.Hour && !errors.Is(err, jwks.ErrUnknownKey):
				t.Errorf("after %s: verify: %v, want ErrUnknownKey", step.after, err)
			}
		}
	})
}

func TestRotate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, store := time.Now(), new(jwks.MemoryStore)
		r, other := open(t, hourly(store)), open(t, hourly(store))
		run(t, other)
		old := sign(t, r)

		planned, err := r.Rotate(t.Context(), false)
		if err != nil || len(planned) != 1 {
			t.Fatalf("rotate: %v, %v", planned, err)
		}
		if got := planned[0].Active.Sub(start); got != 2*time.Hour {
			t.Errorf("the successor is active after %s, want 2h", got)
		}
		again, err := other.Rotate(t.Context(), false)
		if diff := cmp.Diff(planned, again); diff != "" || err != nil {
			t.Errorf("a second rotation made another key: %v\n%s", err, diff)
		}
		if sign := kidOf(t, sign(t, other)); sign != kidOf(t, old) {
			t.Error("the successor signs before its time")
		}

		to(start, time.Hour)
		urgent, err := r.Rotate(t.Context(), true)
		if err != nil || urgent[0].KID != planned[0].KID {
			t.Fatalf("rotate now: %v, %v, want the announced successor", urgent, err)
		}
		to(start, time.Hour+time.Minute)
		for _, ring := range []*jwks.Ring{r, other} {
			if got := kidOf(t, sign(t, ring)); got != planned[0].KID {
				t.Errorf("%s signs, want the successor", got)
			}
			if _, err := ring.Verify(t.Context(), old); err != nil {
				t.Errorf("the old key's token: %v", err)
			}
		}
		for range 2 { // at one instant: each a key of its own, the last one signs
			if urgent, err = r.Rotate(t.Context(), true); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
			if got := kidOf(t, sign(t, r)); got != urgent[0].KID {
				t.Errorf("%s signs, want %s", got, urgent[0].KID)
			}
		}
		if got := states(r); got != "retired retired retired active" {
			t.Error(got)
		}
	})
}

func TestSixRingsMakeOneKey(t *testing.T) {
	store := &flakyStore{Store: new(jwks.MemoryStore)}
	rings := make([]*jwks.Ring, 6)
	each := func(do func(i int) error) {
		t.Helper()
		var wg sync.WaitGroup
		for i := range rings {
			wg.Go(func() {
				if err := do(i); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	each(func(i int) (err error) {
		rings[i], err = jwks.Open(t.Context(), complete(t, jwks.Config{Store: store, Algorithms: []string{"ES256", "EdDSA"}}))
		return err
	})
	if t.Failed() {
		return
	}
	for _, r := range rings {
		if diff := cmp.Diff(kids(t, rings[0]), kids(t, r)); diff != "" || len(r.Keys()) != 2 {
			t.Errorf("rings hold different keys: %s", diff)
		}
	}
	if got := store.writes.Load(); got != 1 {
		t.Errorf("the set was written %d times at start, want once", got)
	}
	each(func(i int) error { _, err := rings[i].Rotate(t.Context(), false); return err })
	each(func(i int) error { return rings[i].Reload(t.Context()) })
	for _, r := range rings {
		if diff := cmp.Diff(kids(t, rings[0]), kids(t, r)); diff != "" || len(r.Keys()) != 4 {
			t.Errorf("rings hold different keys after a rotation: %s", diff)
		}
	}
}

func TestStoreOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, store := time.Now(), &flakyStore{Store: new(jwks.MemoryStore)}
		r := open(t, hourly(store))
		run(t, r)
		first := kidOf(t, sign(t, r))
		to(start, 7*time.Hour+30*time.Second)
		store.down.Store(true)
		for _, step := range []struct {
			after time.Duration
			ready string
		}{
			{8*time.Hour + 30*time.Minute, "successor"},
			{20 * time.Hour, "last read"},
		} {
			to(start, step.after)
			if got := kidOf(t, sign(t, r)); got != first {
				t.Errorf("after %s another key signs", step.after)
			}
			if err := r.Ready(); err == nil || !strings.Contains(err.Error(), step.ready) {
				t.Errorf("after %s: ready: %v, want %q", step.after, err, step.ready)
			}
		}
		store.down.Store(false)
		to(start, 20*time.Hour+2*time.Minute)
		if got := states(r); got != "active announced" {
			t.Errorf("after the outage: %s", got)
		}
		to(start, 22*time.Hour+2*time.Minute)
		if got := states(r); got != "retired active" {
			t.Errorf("once the successor was announced for long enough: %s", got)
		}
		if err := r.Ready(); err != nil {
			t.Error(err)
		}
	})
}

func TestReplicaThatSleptSignsWithTheRightKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, store := time.Now(), new(jwks.MemoryStore)
		awake, asleep := open(t, hourly(store)), open(t, hourly(store)) // nobody runs the latter
		run(t, awake)
		to(start, 31*time.Hour)
		if a, b := kidOf(t, sign(t, awake)), kidOf(t, sign(t, asleep)); a != b {
			t.Errorf("awake signs with %s, asleep with %s", a, b)
		}
	})
}

func TestClockThatIsWrong(t *testing.T) {
	store, now := new(jwks.MemoryStore), time.Now()
	ahead := func(d time.Duration) *jwks.Ring {
		t.Helper()
		r, err := jwks.OpenAt(t.Context(), complete(t, hourly(store)), func() time.Time { return now.Add(d) })
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	first := ahead(0)
	behind := ahead(-time.Minute)
	if err := behind.Ready(); err != nil {
		t.Errorf("behind by what is tolerated: %v", err)
	}
	wrong := ahead(-time.Minute - time.Millisecond)
	for what, err := range map[string]error{
		"ready":  wrong.Ready(),
		"rotate": second(wrong.Rotate(t.Context(), true)),
	} {
		if !errors.Is(err, jwks.ErrClock) {
			t.Errorf("%s with a wrong clock: %v, want ErrClock", what, err)
		}
	}
	for _, r := range []*jwks.Ring{behind, wrong} {
		if _, err := first.Verify(t.Context(), sign(t, r)); err != nil {
			t.Errorf("a token of a replica that is behind: %v", err)
		}
		if len(r.Keys()) != 1 {
			t.Errorf("a replica that is behind has %d keys, want 1", len(r.Keys()))
		}
	}
}

func TestAlgorithms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, store := time.Now(), new(jwks.MemoryStore)
		c := hourly(store)
		open(t, c)
		c.Algorithms = []string{"ES256", "EdDSA"}
		both := open(t, c)
		if got := states(both); got != "active active" {
			t.Errorf("an algorithm that was added: %s, want it active at once", got)
		}
		if _, err := both.Sign(t.Context(), "RS256", "", []byte("{}")); err == nil || !strings.Contains(err.Error(), "ES256, EdDSA") {
			t.Errorf("an algorithm of another issuer: %v", err)
		}
		c.Algorithms = []string{"ES256"}
		one := open(t, c)
		run(t, one)
		token, err := both.Sign(t.Context(), "EdDSA", "", []byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		to(start, 11*time.Hour)
		if _, err := one.Verify(t.Context(), token); err != nil {
			t.Errorf("a key whose algorithm was removed: %v", err)
		}
		to(start, 20*time.Hour)
		for _, k := range one.Keys() {
			if k.Algorithm == "EdDSA" {
				t.Errorf("a key whose algorithm nobody uses stays, %s", k.State)
			}
		}
	})
}

func TestLongerRetainExtendsKeysThatAreThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := hourly(new(jwks.MemoryStore))
		r := open(t, c)
		if _, err := r.Rotate(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		c.Retain = 9 * time.Hour
		for _, k := range open(t, c).Keys() {
			if got := k.Gone.Sub(k.Retired); got != 9*time.Hour+2*time.Minute && k.State == jwks.Active {
				t.Errorf("the key is gone %s after it retired", got)
			}
		}
	})
}

func TestWrongMasterKeyMakesNoKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, store := time.Now(), &flakyStore{Store: new(jwks.MemoryStore)}
		open(t, hourly(store))
		to(start, 9*time.Hour) // a successor is due
		for name, masters := range map[string]map[string][]byte{
			`"m1" is missing`:         {"m2": masterA},
			`"m1" did not seal`:       {"m1": masterA},
			`master key "m1" did not`: {"m1": masterA, "m2": masterB},
		} {
			c := complete(t, hourly(store))
			for id := range masters {
				c.Sealer = sealerOf(t, masters, id)
			}
			_, err := jwks.Open(t.Context(), c)
			if !errors.Is(err, jwks.ErrMasterKey) || !strings.Contains(err.Error(), name) {
				t.Errorf("open: %v, want ErrMasterKey and %q", err, name)
			}
		}
		if got := store.writes.Load(); got != 1 {
			t.Errorf("the set was written %d times, want once", got)
		}
	})
}

func second[T any](_ T, err error) error { return err }
