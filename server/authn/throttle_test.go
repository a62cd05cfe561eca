package authn_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server/audit"
	"github.com/claimsmith/claimsmith/server/authn"
)

func TestFailuresWaitLongerAndLonger(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newReplica(t, newShelf(), new(directory))
		var waits []time.Duration
		for range 6 {
			for range 2 { // the second shows the wait, or is looked at
				if w := r.refused("alice", "192.0.2.1"); w > 0 {
					waits = append(waits, w)
					time.Sleep(w)
					break
				}
			}
		}
		const minute = time.Minute
		want := []time.Duration{225 * time.Second, 15 * minute, 225 * time.Second, 15 * minute}
		if diff := cmp.Diff(want, waits); diff != "" {
			t.Errorf("waits (-want +got):\n%s", diff)
		}
	})
}

func TestNobodyTellsAnUnknownPersonByTheThrottle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newReplica(t, newShelf(), new(directory))
		series := func(name string) (waits []time.Duration) {
			for range 12 {
				waits = append(waits, r.refused(name, "192.0.2.1"))
				time.Sleep(time.Minute)
			}
			return waits
		}
		alice := series("alice")
		for _, name := range []string{"nobody", "disabled"} {
			if diff := cmp.Diff(alice, series(name)); diff != "" {
				t.Errorf("%s against alice:\n%s", name, diff)
			}
		}
	})
}

// Whatever addresses, replicas and moments are chosen, a directory sees few failures.
func TestADirectorySeesFewFailures(t *testing.T) {
	const replicas, addresses = 3, 20
	bubble(t, func(t *testing.T) {
		store, d := newShelf(), &directory{takes: 20 * time.Millisecond}
		var all [replicas]*replica
		for i := range all {
			all[i] = newReplica(t, store, d)
		}
		var seen []time.Time
		for range 40 { // an hour
			before := d.asked.Load()
			var group sync.WaitGroup
			for i := range replicas * addresses {
				group.Go(func() { all[i%replicas].refused("alice", fmt.Sprint("192.0.2.", i%addresses)) })
			}
			group.Wait()
			for range d.asked.Load() - before {
				seen = append(seen, time.Now())
			}
			time.Sleep(90 * time.Second)
		}
		most := 0
		for i := range seen {
			n := 0
			for _, later := range seen[i:] {
				if later.Sub(seen[i]) < 15*time.Minute {
					n++
				}
			}
			most = max(most, n)
		}
		if most > 5+replicas-1 {
			t.Errorf("the directory saw %d failures within 15 minutes, want at most 5 and one for each further replica", most)
		}
		if len(seen) < 10 {
			t.Errorf("only %d attempts were looked at", len(seen))
		}
	})
}

// abrupt is a directory that sees a guess at once and is slow to answer.
type abrupt struct{ asked atomic.Int32 }

func (d *abrupt) Authenticate(ctx context.Context, _ sdk.Request) (sdk.Identity, error) {
	d.asked.Add(1)
	select {
	case <-ctx.Done():
		return sdk.Identity{}, sdk.Unavailable(ctx.Err())
	case <-time.After(50 * time.Millisecond):
		return sdk.Identity{}, sdk.Denied(sdk.Invalid)
	}
}

// Who hangs up before the answer learns nothing, but the directory has seen the guess.
func TestHangingUpIsNoWayAroundTheThrottle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := new(abrupt)
		around := authn.NewThrottle(authn.Limits{}, newShelf(), []byte("secret")).Around("main", d)
		for i := range 50 {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(10*time.Millisecond, cancel)
			around.Authenticate(ctx, sdk.Request{
				Credential: sdk.Credential{Kind: sdk.Password, Username: "alice", Secret: "guess"},
				ClientID:   "portal", Remote: netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}),
			})
		}
		if n := d.asked.Load(); n > 5 {
			t.Errorf("the directory saw %d guesses, want 5", n)
		}
	})
}

func TestNobodyLocksAnotherOut(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store := newShelf()
		home := newReplica(t, store, new(directory))
		if err := home.login("alice", "right", "198.51.100.7"); err != nil {
			t.Fatal(err)
		}
		flush(t, home)
		elsewhere := newReplica(t, store, new(directory))
		for i := range 100 {
			elsewhere.refused("alice", fmt.Sprint("192.0.2.", i))
			home.refused("alice", fmt.Sprint("192.0.2.", i))
		}
		if w := wait(elsewhere.login("alice", "right", "203.0.113.1")); w == 0 {
			t.Error("an address that nobody knows is let through during an attack")
		}
		for name, r := range map[string]*replica{"which saw her log in": home, "that learns it from storage": elsewhere} {
			if err := r.login("alice", "right", "198.51.100.7"); err != nil {
				t.Errorf("alice at home, at the replica %s: %v", name, err)
			}
		}
		if w := elsewhere.refused("alice", "198.51.100.7"); w > 0 {
			t.Errorf("her first typing error makes her wait %v", w)
		}
	})
}

// flush makes a throttle store what it has learnt.
func flush(t *testing.T, r *replica) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.throttle.Run(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestOneAddressCannotUseUpWhatAllShare(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newReplica(t, newShelf(), new(directory))
		for range 60 {
			r.refused("alice", "192.0.2.1")
			if err := r.login("bob", "right", "192.0.2.2"); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		if err := r.login("alice", "right", "203.0.113.1"); err != nil {
			t.Errorf("alice from an address that nobody knows: %v", err)
		}
	})
}

func TestAnAddressThatTriesManyNames(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := new(directory)
		r := newReplica(t, newShelf(), d)
		if err := r.login("alice", "right", "2001:db8::1"); err != nil {
			t.Fatal(err)
		}
		looked := 0
		for i := range 200 {
			if r.refused(fmt.Sprint("person", i), fmt.Sprintf("2001:db8::%x", i+2)) == 0 {
				looked++
			}
		}
		if looked != 100 {
			t.Errorf("%d attempts were looked at, want 100", looked)
		}
		if err := r.login("alice", "right", "2001:db8::77"); err != nil {
			t.Errorf("a person who has logged in from there: %v", err)
		}
		if w := wait(r.login("bob", "right", "2001:db8:0:1::1")); w > 0 {
			t.Errorf("the next network: wait %v", w)
		}
		time.Sleep(9 * time.Second)
		if w := wait(r.login("bob", "right", "2001:db8::99")); w > 0 {
			t.Errorf("after a while, from there: wait %v", w)
		}
	})
}

func TestSpellingsOfANameAreOnePerson(t *testing.T) {
	for _, tt := range []struct {
		a, b          string
		organisations bool
		same          bool
	}{
		{"alice", "ALICE", false, true},
		{"alice", "  Alice ", false, true},
		{"a lice", "A   LICE", false, true},
		{"alice", "alice", false, true},
		{"alice", `CORP\Alice`, false, true},
		{"alice", "alice2", false, false},
	} {
		r := newReplica(t, newShelf(), new(directory))
		for i := range 5 {
			r.refused(tt.a, fmt.Sprint("192.0.2.", i))
		}
		if got := r.refused(tt.b, "203.0.113.1") > 0; got != tt.same {
			t.Errorf("%q and %q are one person: %v", tt.a, tt.b, got)
		}
	}
}

func TestOrganisationsDoNotMultiplyGuesses(t *testing.T) {
	looked := func(organisations bool) (n int) {
		r := newReplica(t, newShelf(), new(directory), authn.Limits{Organisations: organisations})
		for i := range 20 {
			_, err := r.around.Authenticate(t.Context(), sdk.Request{
				Credential: sdk.Credential{Kind: sdk.Password, Username: "alice", Secret: "wrong"},
				Attributes: map[string]string{"organisation": fmt.Sprint("o", i)}, Remote: netip.MustParseAddr("192.0.2.1"),
			})
			if wait(err) == 0 {
				n++
			}
		}
		return n
	}
	if n := looked(false); n != 5 {
		t.Errorf("%d guesses, want 5", n)
	}
	if n := looked(true); n != 20 {
		t.Errorf("%d guesses where they are different people, want 20", n)
	}
}

func TestAnOutageIsNobodysFailure(t *testing.T) {
	r := newReplica(t, newShelf(), new(directory))
	for range 20 {
		if err := r.login("down", "wrong", "192.0.2.1"); !errors.Is(err, sdk.ErrUnavailable) {
			t.Fatal(err)
		}
	}
}

func TestWithoutStorageAReplicaGoesByWhatItSees(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store, d := newShelf(), new(directory)
		store.down = true
		r := newReplica(t, store, d)
		if err := r.login("bob", "right", "192.0.2.9"); err != nil {
			t.Fatal(err)
		}
		for range 50 {
			r.refused("alice", "192.0.2.1")
		}
		if n := d.asked.Load(); n != 4 {
			t.Errorf("%d attempts were looked at, want 1 and 3", n)
		}
		if n := store.asked(); n > 2 {
			t.Errorf("storage was asked %d times while it was down", n)
		}
	})
}

func TestStatementsOfAThrottle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store := newShelf()
		r := newReplica(t, store, new(directory))
		count := func(what string, want int, do func()) {
			t.Helper()
			before := store.asked()
			do()
			flush(t, r)
			if n := store.asked() - before; n != want {
				t.Errorf("%s takes %d statements, want %d", what, n, want)
			}
		}
		count("the first login of a person", 1, func() { r.login("alice", "right", "192.0.2.1") })
		count("1000 more", 0, func() {
			for range 1000 {
				r.login("alice", "right", "192.0.2.1")
			}
		})
		count("a failure", 1, func() { r.refused("alice", "192.0.2.1") })
		count("the success after it", 1, func() { r.login("alice", "right", "192.0.2.1") })
		count("20 failures of others", 20, func() {
			for i := range 20 {
				r.refused(fmt.Sprint("person", i), "192.0.2.1")
			}
		})
		count("a success meanwhile", 0, func() { r.login("alice", "right", "192.0.2.1") })
	})
}

func TestManyRightLoginsAtOncePass(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newReplica(t, newShelf(), &directory{takes: 50 * time.Millisecond})
		var group sync.WaitGroup
		for i := range 200 {
			group.Go(func() {
				for range 5 {
					if err := r.login("alice", "right", fmt.Sprint("192.0.2.", i%3)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
	})
}

func TestAKeyIsThrottledByItsID(t *testing.T) {
	const alphabet = "0123456789abcdefghijklmnopqrstuvwxyz"
	bubble(t, func(t *testing.T) {
		r := newReplica(t, newShelf(), new(directory))
		use := func(key, from string) time.Duration {
			_, err := r.around.Authenticate(context.Background(), sdk.Request{
				Credential: sdk.Credential{Kind: sdk.APIKey, Secret: sdk.Secret(key)}, Remote: netip.MustParseAddr(from),
			})
			return wait(err)
		}
		looked := 0
		for i := range 200 {
			key := fmt.Sprintf("csk_01234567890%s%07d", alphabet, i)
			if use(key, fmt.Sprint("192.0.2.", i)) == 0 {
				looked++
			}
		}
		if looked != 40 {
			t.Errorf("%d guesses at one key were looked at, want 40", looked)
		}
		if w := use("csk_ABCDEFGHIJK"+alphabet, "192.0.2.1"); w > 0 {
			t.Errorf("another key from one of these addresses waits %v", w)
		}
	})
}

func TestClientSecrets(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newReplica(t, newShelf(), new(directory))
		secrets := r.throttle.Secrets("main")
		try := func(wrong bool, from string) time.Duration {
			ctx := audit.NewContext(context.Background(), &audit.Event{Remote: netip.MustParseAddr(from)})
			return secrets.Judge(ctx, "portal", func() error {
				if wrong {
					return sdk.ErrDenied
				}
				return nil
			})
		}
		if w := try(false, "198.51.100.1"); w > 0 {
			t.Fatal(w)
		}
		looked := 0
		for i := range 400 {
			if try(true, fmt.Sprint("192.0.2.", i%250)) == 0 {
				looked++
			}
		}
		if looked != 40 {
			t.Errorf("%d guesses were looked at, want 40", looked)
		}
		if w := try(false, "198.51.100.1"); w > 0 {
			t.Errorf("the client itself waits %v", w)
		}
	})
}

func BenchmarkThrottle(b *testing.B) {
	throttle := authn.NewThrottle(authn.Limits{}, newShelf(), []byte("secret"))
	request := sdk.Request{
		Credential: sdk.Credential{Kind: sdk.Password, Username: "alice", Secret: "right"},
		ClientID:   "portal", Remote: netip.MustParseAddr("192.0.2.1"),
	}
	around := throttle.Around("main", right{})
	for name, before := range map[string]func(){
		"nobody has failed": func() {},
		"10000 have failed": func() {
			wrong := throttle.Around("main", new(directory))
			for i := range 10000 {
				q := request
				q.Credential.Username, q.Credential.Secret = fmt.Sprint("person", i), "wrong"
				q.Remote = netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
				wrong.Authenticate(b.Context(), q)
			}
		},
	} {
		b.Run(name, func(b *testing.B) {
			before()
			b.ReportAllocs()
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					if _, err := around.Authenticate(context.Background(), request); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

type right struct{}

func (right) Authenticate(context.Context, sdk.Request) (sdk.Identity, error) {
	return sdk.Identity{Subject: "alice"}, nil
}
