package jwks_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/claimsmith/claimsmith/jwks"
)

// What was read is relied on for as long as no unknown key can sign, and not for
// longer because the store was down when a key of it went.
func TestAFailedReadMakesTheLastOneNoFresher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, store := time.Now(), new(jwks.MemoryStore)
		link := &flakyStore{Store: store}
		c := hourly(store)
		c.Poll, c.Retain = time.Hour, 57*time.Minute
		other := open(t, c)
		if _, err := other.Rotate(t.Context(), true); err != nil { // the first key goes after 1h58m
			t.Fatal(err)
		}
		to(start, time.Second)
		c.Store = link
		r := open(t, c) // may be relied on for 1h59m
		successors, err := other.Rotate(t.Context(), false)
		if err != nil {
			t.Fatal(err)
		}
		to(start, 118*time.Minute+30*time.Second)
		link.down.Store(true)
		sign(t, r)
		link.down.Store(false)
		to(start, 119*time.Minute+time.Second)
		if body := get(r, nil).Body.String(); !strings.Contains(body, successors[0].KID) {
			t.Errorf("a key that others sign with in a minute is not published: %s", body)
		}
	})
}
