package jwks_test

import (
	"context"
	"crypto"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/claimsmith/claimsmith/jwks"
)

// pool is a Signer that makes no keys: it hands out those that were made for it,
// in their order, to whoever asks.
type pool struct {
	*vault
	keys []crypto.Signer
	next func() int
}

func newPool(t testing.TB, n int, next func() int) *pool {
	p := &pool{vault: &vault{t: t, keys: map[string]crypto.Signer{}}, next: next}
	for i := range n {
		key := jwks.Generate(t, "ES256")
		p.keys, p.vault.keys[strconv.Itoa(i)] = append(p.keys, key), key
	}
	return p
}

func (p *pool) Generate(context.Context, string) (string, crypto.PublicKey, error) {
	i := p.next()
	return strconv.Itoa(i), p.keys[i].Public(), nil
}

// Rings that are handed one key each destroy none of it: one of them uses it.
func TestAKeyThatOthersWereHandedTooIsNotDestroyed(t *testing.T) {
	store, p := new(jwks.MemoryStore), newPool(t, 1, func() int { return 0 })
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			r, err := jwks.Open(t.Context(), complete(t, jwks.Config{Store: store, Signer: p}))
			if err != nil {
				t.Error(err)
				return
			}
			sign(t, r)
		})
	}
	wg.Wait()
	r := open(t, jwks.Config{Store: store, Signer: p})
	if _, err := r.Rotate(t.Context(), true); !errors.Is(err, jwks.ErrSigner) || !strings.Contains(err.Error(), "in the set already") {
		t.Errorf("a rotation to the key that signs: %v", err)
	}
	sign(t, r)
}

// unsure is a store whose answer to a write that succeeded is lost.
type unsure struct {
	jwks.Store
	lost bool
}

func (u *unsure) UpdateKeys(ctx context.Context, issuer string, version int64, keys []jwks.Key) error {
	err := u.Store.UpdateKeys(ctx, issuer, version, keys)
	if err == nil && u.lost {
		err = errors.New("the connection was lost")
	}
	return err
}

func TestAKeyThatMayHaveBeenStoredIsNotDestroyed(t *testing.T) {
	store, v := &unsure{Store: new(jwks.MemoryStore)}, &vault{t: t}
	r := open(t, jwks.Config{Store: store, Signer: v})
	store.lost = true
	if _, err := r.Rotate(t.Context(), true); err == nil {
		t.Fatal("the rotation did not notice")
	}
	store.lost = false
	if err := r.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	sign(t, r)
}

// A signer that calls a key by another's name is found out before a service is.
func TestASignerThatMixesUpItsKeysSignsNothing(t *testing.T) {
	store, p := new(jwks.MemoryStore), newPool(t, 2, func() int { return 0 })
	sign(t, open(t, jwks.Config{Store: store, Signer: p}))
	p.vault.keys["0"], p.vault.keys["1"] = p.vault.keys["1"], p.vault.keys["0"]
	r := open(t, jwks.Config{Store: store, Signer: p})
	if _, err := r.Sign(t.Context(), "", "", []byte("{}")); !errors.Is(err, jwks.ErrSigner) {
		t.Errorf("sign with another key than the one published: %v", err)
	}
	if _, err := jwks.Open(t.Context(), complete(t, jwks.Config{Signer: p})); !errors.Is(err, jwks.ErrSigner) {
		t.Errorf("a key that signs as another one was announced: %v", err)
	}
}
