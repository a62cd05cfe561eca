package jwks_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/jwks"
	"github.com/claimsmith/claimsmith/jwks/internal/jwk"
	"pgregory.net/rapid"
)

// The promise of the package, over random schedules: replicas and verifiers
// whose clocks differ by up to Skew, replicas that sleep, restart and lose the
// store, rotations at any time. Every algorithm has exactly one signer, and no
// verifier that caches as it is allowed to ever meets a token that it cannot
// verify.
func TestNoVerifierEverRejectsAToken(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, rt)
		rt.Repeat(map[string]func(*rapid.T){
			"time passes": w.pass,
			"an event":    w.passEvent,
			"another":     w.passEvent,
			"sign":        w.sign,
			"sign again":  w.sign,
			"fetch":       w.fetch,
			"rotate":      w.rotate,
			"revoke":      w.revoke,
			"sleep":       w.sleep,
			"restart":     w.restart,
			"store":       w.toggleStore,
			"":            w.check,
		})
	})
}

type world struct {
	t         *testing.T
	now       time.Time // true time, which nobody knows
	config    jwks.Config
	store     *jwks.MemoryStore
	replicas  []*replica
	verifiers []*verifier
	tokens    []issued
	revoked   map[string]bool // by kid
}

type replica struct {
	ring   *jwks.Ring // nil: could not start yet
	link   *flakyStore
	offset time.Duration // of its clock
	wake   time.Time     // true time at which it looks after its keys
}

type verifier struct {
	offset time.Duration
	keys   map[string]jwk.Key
	until  time.Time // by its clock
}

type issued struct {
	kid string
	exp time.Time // as its signer wrote it
}

func span(rt *rapid.T, name string, low, high time.Duration) time.Duration {
	return time.Duration(rapid.Int64Range(int64(low/time.Millisecond), int64(high/time.Millisecond)).Draw(rt, name)) * time.Millisecond
}

// offset is how far a clock is ahead: the worst is at the ends.
func offset(rt *rapid.T, c jwks.Config) time.Duration {
	return rapid.OneOf(rapid.SampledFrom([]time.Duration{0, c.Skew}), rapid.Custom(func(rt *rapid.T) time.Duration {
		return span(rt, "between", 0, c.Skew)
	})).Draw(rt, "clock is ahead by")
}

func newWorld(t *testing.T, rt *rapid.T) *world {
	w := &world{t: t, now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), store: new(jwks.MemoryStore), revoked: make(map[string]bool)}
	c := jwks.Config{
		Issuer:     issuer,
		Algorithms: []string{"EdDSA", "ES256"},
		Skew:       span(rt, "skew", time.Millisecond, time.Minute),
		MaxAge:     span(rt, "max age", time.Second, 10*time.Minute),
		Sealer:     newSealer(t),
		Log:        slog.New(slog.DiscardHandler),
	}
	c.Announce = c.MaxAge + c.Skew + span(rt, "announce", 0, 10*time.Minute)
	c.RotateEvery = c.Announce + span(rt, "rotate every", 0, 2*c.Announce)
	c.Retain = span(rt, "retain", time.Second, 3*c.RotateEvery)
	c.Poll = (c.Announce - c.Skew) / time.Duration(rapid.IntRange(1, 4).Draw(rt, "polls"))
	w.config = c
	for range rapid.IntRange(1, 3).Draw(rt, "replicas") {
		r := &replica{link: &flakyStore{Store: w.store}}
		w.replicas = append(w.replicas, r)
		w.start(rt, r)
	}
	for range 3 {
		w.verifiers = append(w.verifiers, &verifier{offset: offset(rt, c)})
	}
	return w
}

func (w *world) start(rt *rapid.T, r *replica) {
	c := w.config
	c.Store = r.link
	r.ring, r.wake = nil, w.now.Add(c.Poll)
	r.offset = offset(rt, c)
	ring, err := jwks.OpenAt(w.t.Context(), c, func() time.Time { return w.now.Add(r.offset) })
	if err != nil {
		if !r.link.down.Load() {
			rt.Fatalf("open: %v", err)
		}
		return
	}
	r.ring, r.wake = ring, w.now.Add(ring.Wait())
}

func (w *world) pass(rt *rapid.T) {
	c := w.config
	longest := rapid.SampledFrom([]time.Duration{c.Skew, c.MaxAge, c.Announce, c.RotateEvery, c.Retain, 3 * c.RotateEvery}).Draw(rt, "longest")
	w.advance(rt, w.now.Add(span(rt, "time", 0, longest)))
}

// passEvent goes to where something begins or ends by somebody's clock, or to
// right before or after it.
func (w *world) passEvent(rt *rapid.T) {
	var events []time.Time
	keys, _, err := w.store.Keys(w.t.Context(), issuer)
	if err != nil {
		rt.Fatal(err)
	}
	for _, r := range w.replicas {
		for _, k := range keys {
			events = append(events, k.Active.Add(-r.offset), k.Retired.Add(-r.offset), k.Gone.Add(-r.offset))
		}
	}
	for _, v := range w.verifiers {
		events = append(events, v.until.Add(-v.offset))
		for _, i := range w.tokens {
			events = append(events, i.exp.Add(-v.offset))
		}
	}
	events = slices.DeleteFunc(events, func(at time.Time) bool { return !at.After(w.now.Add(time.Millisecond)) })
	slices.SortFunc(events, time.Time.Compare)
	if len(events) > 0 {
		at := rapid.SampledFrom(slices.Compact(events)).Draw(rt, "event")
		w.advance(rt, at.Add(time.Duration(rapid.IntRange(-1, 1).Draw(rt, "side"))*time.Millisecond))
	}
}

func (w *world) advance(rt *rapid.T, to time.Time) {
	for {
		next := w.replicas[0]
		for _, r := range w.replicas {
			if r.wake.Before(next.wake) {
				next = r
			}
		}
		if next.wake.After(to) {
			w.now = to
			return
		}
		w.now = next.wake
		w.check(rt)
		w.tend(rt, next)
		w.check(rt)
	}
}

func (w *world) tend(rt *rapid.T, r *replica) {
	if r.ring == nil {
		w.start(rt, r)
		return
	}
	if err := r.ring.Tend(w.t.Context()); err != nil && !r.link.down.Load() {
		rt.Fatalf("tend: %v", err)
	}
	r.wake = w.now.Add(r.ring.Wait())
}

func (w *world) sign(rt *rapid.T) {
	r := w.serving(rt)
	if r == nil {
		return
	}
	token, err := r.ring.Sign(w.t.Context(), rapid.SampledFrom(w.config.Algorithms).Draw(rt, "algorithm"), "at+jwt", []byte(`{}`))
	if err != nil {
		rt.Fatalf("sign: %v", err)
	}
	lifetime := rapid.SampledFrom([]time.Duration{w.config.Retain, w.config.Retain, w.config.Retain / 2}).Draw(rt, "lifetime")
	if _, err := r.ring.Verify(w.t.Context(), token); err != nil {
		rt.Fatalf("verify: %v", err)
	}
	if w.revoked[kidOf(w.t, token)] {
		rt.Fatal("signed with a key that was revoked")
	}
	w.tokens = append(w.tokens, issued{kidOf(w.t, token), w.now.Add(r.offset + lifetime)})
}

func (w *world) fetch(rt *rapid.T) {
	w.refetch(rt, rapid.SampledFrom(w.verifiers).Draw(rt, "verifier"))
}

func (w *world) rotate(rt *rapid.T) {
	r := w.serving(rt)
	if r == nil {
		return
	}
	if _, err := r.ring.Rotate(w.t.Context(), false); err != nil && !r.link.down.Load() {
		rt.Fatalf("rotate: %v", err)
	}
}

// revoke revokes any key. That breaks the promise on purpose, for the tokens of
// the key, and for those of its successor at a verifier that cached the set: all
// replicas and verifiers hear of it here, and from then on the promise holds.
func (w *world) revoke(rt *rapid.T) {
	for _, r := range w.replicas {
		if r.ring == nil || r.link.down.Load() {
			return
		}
	}
	ring := rapid.SampledFrom(w.replicas).Draw(rt, "replica").ring
	if err := ring.Reload(w.t.Context()); err != nil {
		rt.Fatalf("reload: %v", err)
	}
	key := rapid.SampledFrom(ring.Keys()).Draw(rt, "key")
	if _, err := ring.Revoke(w.t.Context(), key.KID); err != nil {
		if key.State == jwks.Gone && errors.Is(err, jwks.ErrNoKey) {
			return
		}
		rt.Fatalf("revoke: %v", err)
	}
	w.revoked[key.KID] = true
	for _, r := range w.replicas {
		if err := r.ring.Reload(w.t.Context()); err != nil {
			rt.Fatalf("reload: %v", err)
		}
		r.wake = earlier(r.wake, w.now.Add(r.ring.Wait()))
	}
	for _, v := range w.verifiers {
		w.refetch(rt, v)
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func (w *world) sleep(rt *rapid.T) {
	r := rapid.SampledFrom(w.replicas).Draw(rt, "replica")
	r.wake = w.now.Add(span(rt, "sleep", 0, 2*w.config.RotateEvery))
}

func (w *world) restart(rt *rapid.T) { w.start(rt, rapid.SampledFrom(w.replicas).Draw(rt, "replica")) }

func (w *world) toggleStore(rt *rapid.T) {
	link := rapid.SampledFrom(w.replicas).Draw(rt, "replica").link
	link.down.Store(!link.down.Load())
}

// serving returns a replica that requests may go to: one that can reach the
// store, or that is ready without.
func (w *world) serving(rt *rapid.T) *replica {
	var able []*replica
	for _, r := range w.replicas {
		if r.ring != nil && (!r.link.down.Load() || r.ring.Ready() == nil) {
			able = append(able, r)
		}
	}
	if len(able) == 0 {
		return nil
	}
	return rapid.SampledFrom(able).Draw(rt, "replica")
}

func (w *world) refetch(rt *rapid.T, v *verifier) bool {
	r := w.serving(rt)
	if r == nil {
		return false
	}
	response := httptest.NewRecorder()
	r.ring.ServeHTTP(response, httptest.NewRequest("GET", "/", nil))
	var seconds int
	if _, err := fmt.Sscanf(response.Header().Get("Cache-Control"), "public, max-age=%d", &seconds); err != nil {
		rt.Fatalf("Cache-Control: %v", err)
	}
	v.until = w.now.Add(v.offset + time.Duration(seconds)*time.Second)
	v.keys = readSet(rt, response.Body.Bytes())
	for kid := range w.revoked {
		if v.keys[kid].Public != nil {
			rt.Fatalf("key %s is published, and was revoked", kid)
		}
	}
	return true
}

func readSet(rt *rapid.T, body []byte) map[string]jwk.Key {
	var set struct{ Keys []json.RawMessage }
	if err := json.Unmarshal(body, &set); err != nil {
		rt.Fatalf("key set: %v", err)
	}
	keys := make(map[string]jwk.Key)
	for _, raw := range set.Keys {
		k, err := jwk.Parse(raw)
		if err != nil {
			rt.Fatalf("key set: %v", err)
		}
		keys[k.KID] = k
	}
	return keys
}

// check is what holds at every instant.
func (w *world) check(rt *rapid.T) {
	w.checkSigners(rt)
	w.tokens = slices.DeleteFunc(w.tokens, func(i issued) bool { return w.revoked[i.kid] || !w.now.Before(i.exp) })
	for n, v := range w.verifiers {
		if !w.now.Add(v.offset).Before(v.until) && !w.refetch(rt, v) {
			continue
		}
		for _, i := range w.tokens {
			if w.now.Add(v.offset).Before(i.exp) && v.keys[i.kid].Public == nil {
				rt.Fatalf("at %s verifier %d rejects a token that expires at %s\nconfig: %+v", w.now, n, i.exp, w.config)
			}
		}
	}
}

func (w *world) checkSigners(rt *rapid.T) {
	keys, _, err := w.store.Keys(w.t.Context(), issuer)
	if err != nil {
		rt.Fatal(err)
	}
	for _, name := range w.config.Algorithms {
		for _, clock := range []time.Time{w.now.Add(w.config.Skew), w.now.Add(2 * w.config.Skew), w.now.Add(w.config.Announce)} {
			active := 0
			for _, k := range keys {
				if k.Algorithm == name && k.State(clock) == jwks.Active {
					active++
				}
			}
			if active != 1 && len(keys) > 0 {
				rt.Fatalf("at %s, by a clock that shows %s, there are %d active %s keys: %+v", w.now, clock, active, name, lives(keys))
			}
		}
	}
}

// lives tells the times of keys.
func lives(keys []jwks.Key) (lives []string) {
	clock := func(t time.Time) string { return t.Format("15:04:05.000") }
	for _, k := range keys {
		lives = append(lives, fmt.Sprintf("%s made %s, active %s, retired %s, gone %s, revoked %s", k.Algorithm, clock(k.Created), clock(k.Active), clock(k.Retired), clock(k.Gone), clock(k.Revoked)))
	}
	return lives
}

// kidOf returns the kid in a token's header.
func kidOf(t testing.TB, token string) string {
	t.Helper()
	head, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil {
		t.Fatal(err)
	}
	var h struct{ KID string }
	if err := json.Unmarshal(raw, &h); err != nil {
		t.Fatal(err)
	}
	return h.KID
}
