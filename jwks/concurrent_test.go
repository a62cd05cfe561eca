package jwks_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/claimsmith/claimsmith/jwks"
)

// Tokens are signed, verified and keys published by many while two rings on one
// store rotate under them.
func TestConcurrentUse(t *testing.T) {
	c := jwks.Config{
		Store: new(jwks.MemoryStore), Algorithms: []string{"EdDSA", "ES256"},
		RotateEvery: 40 * time.Millisecond, Announce: 20 * time.Millisecond, MaxAge: 5 * time.Millisecond,
		Skew: time.Millisecond, Retain: time.Minute, Poll: 5 * time.Millisecond,
	}
	rings := []*jwks.Ring{open(t, c), open(t, c)}
	for _, r := range rings {
		run(t, r)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		signer, verifier := rings[i%2], rings[i/2%2]
		wg.Go(func() {
			for n := range 100 {
				token, err := signer.Sign(t.Context(), c.Algorithms[n%2], "at+jwt", []byte(`{"sub":"alice"}`))
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := verifier.Verify(t.Context(), token); err != nil {
					t.Error(err)
				}
				if !strings.Contains(get(verifier, nil).Body.String(), kidOf(t, token)) {
					t.Error("a token's key is not published")
				}
			}
		})
	}
	for range 5 {
		if _, err := rings[0].Rotate(t.Context(), false); err != nil {
			t.Error(err)
		}
		if err := rings[1].Reload(t.Context()); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
}

// A replica that was not given the new master key signs with the key that it
// has for as long as that is right, and says from the announcement on that it
// will not be able to use the successor.
func TestReplicaWithoutTheNewMasterKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, c := time.Now(), hourly(new(jwks.MemoryStore))
		c.Sealer = sealerOf(t, map[string][]byte{"a": masterA}, "a")
		old := open(t, c)
		run(t, old)
		c.Sealer = sealerOf(t, map[string][]byte{"a": masterA, "b": masterB}, "b")
		if _, err := open(t, c).Rotate(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		to(start, time.Hour)
		sign(t, old)
		if err := old.Ready(); !errors.Is(err, jwks.ErrMasterKey) || !strings.Contains(err.Error(), `"b" is missing`) {
			t.Errorf("ready: %v", err)
		}
		to(start, 2*time.Hour)
		if _, err := old.Sign(t.Context(), "", "", []byte("{}")); !errors.Is(err, jwks.ErrMasterKey) {
			t.Errorf("sign with a successor that does not open: %v, want ErrMasterKey", err)
		}
	})
}
