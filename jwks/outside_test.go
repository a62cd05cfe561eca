package jwks_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/claimsmith/claimsmith/jwks"
)

// A vault is a Signer in memory.
type vault struct {
	t    testing.TB
	mu   sync.Mutex
	made int
	keys map[string]crypto.Signer
	down error
}

func (v *vault) Generate(_ context.Context, algorithm string) (string, crypto.PublicKey, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.down != nil {
		return "", nil, v.down
	}
	if v.keys == nil {
		v.keys = make(map[string]crypto.Signer)
	}
	v.made++
	ref, key := "vault/"+strconv.Itoa(v.made), jwks.Generate(v.t, algorithm)
	v.keys[ref] = key
	return ref, key.Public(), nil
}

func (v *vault) Sign(_ context.Context, ref string, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.down != nil {
		return nil, v.down
	}
	return v.keys[ref].Sign(rand.Reader, digest, opts)
}

func (v *vault) Destroy(_ context.Context, ref string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.keys, ref)
	return nil
}

func (v *vault) len() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.keys)
}

func TestSignerOutsideSignsWithEveryAlgorithm(t *testing.T) {
	v := &vault{t: t}
	r := open(t, jwks.Config{Algorithms: jwks.Algorithms(), Signer: v})
	for _, name := range jwks.Algorithms() {
		for range 20 { // halves of an ECDSA signature may begin with zeros
			token, err := r.Sign(t.Context(), name, "", []byte("{}"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.Verify(t.Context(), token); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	v.down = errors.New("the vault is shut")
	if _, err := r.Sign(t.Context(), "", "", []byte("{}")); !errors.Is(err, v.down) {
		t.Errorf("sign while it is down: %v", err)
	}
	if _, err := r.Rotate(t.Context(), true); !errors.Is(err, v.down) {
		t.Errorf("rotate while it is down: %v", err)
	}
}

func TestKeysOutsideRotateAndAreDestroyed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, v := time.Now(), &vault{t: t}
		c := hourly(new(jwks.MemoryStore))
		local := open(t, c)
		first := sign(t, local)
		c.Signer = v
		r := open(t, c)
		run(t, r)
		for _, step := range []struct {
			after time.Duration
			held  int
		}{
			{0, 0}, // the key in memory signs on
			{8 * time.Hour, 1},
			{10 * time.Hour, 1},
			{18 * time.Hour, 2},
			{25 * time.Hour, 1}, // the first is gone
			{105 * time.Hour, 1},
		} {
			to(start, step.after)
			token := sign(t, r)
			if _, err := r.Verify(t.Context(), token); err != nil {
				t.Errorf("after %s: %v", step.after, err)
			}
			if step.after == 10*time.Hour {
				if _, err := r.Verify(t.Context(), first); err != nil {
					t.Errorf("a token of the key in memory: %v", err)
				}
			}
			if got := v.len(); got != step.held {
				t.Errorf("after %s the vault holds %d keys, want %d", step.after, got, step.held)
			}
		}
		c.Signer = nil
		if _, err := jwks.Open(t.Context(), complete(t, c)); err == nil || !strings.Contains(err.Error(), "held by a signer outside") {
			t.Errorf("without the vault: %v", err)
		}
	})
}

func TestKeysThatWereMadeInVainAreDestroyed(t *testing.T) {
	store, v := new(jwks.MemoryStore), &vault{t: t}
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			if _, err := jwks.Open(t.Context(), complete(t, jwks.Config{Store: store, Signer: v})); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := v.len(); got != 1 {
		t.Errorf("the vault holds %d keys, want 1", got)
	}
}
