package jwks_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/claimsmith/claimsmith/jwks"
)

// lateStore answers a read that is asked for with late as of before, and only
// once it is told to.
type lateStore struct {
	jwks.MemoryStore
	read, answer chan struct{}
}

func newLateStore() *lateStore {
	return &lateStore{read: make(chan struct{}), answer: make(chan struct{})}
}

type late struct{}

func (s *lateStore) Keys(ctx context.Context, issuer string) ([]jwks.Key, int64, error) {
	keys, version, err := s.MemoryStore.Keys(ctx, issuer)
	if ctx.Value(late{}) != nil {
		s.read <- struct{}{}
		<-s.answer
	}
	return keys, version, err
}

// begin begins a read that ends, with what is there now, when end is called.
func (s *lateStore) begin(t *testing.T, reload func(context.Context) error) (end func()) {
	done := make(chan error)
	go func() { done <- reload(context.WithValue(t.Context(), late{}, true)) }()
	<-s.read
	return func() {
		s.answer <- struct{}{}
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// Two read the secrets at once, and who read first may come to last: a secret
// that was revoked between the two must not come back.
func TestALateReadBringsNoSecretBack(t *testing.T) {
	store := newLateStore()
	s := openSecrets(t, store)
	revoked, err := s.Import(t.Context(), "legacy", "HS256", of(32), 0)
	if err != nil {
		t.Fatal(err)
	}
	end := store.begin(t, s.Reload)
	if _, err := s.Revoke(t.Context(), revoked.KID); err != nil {
		t.Fatal(err)
	}
	end()
	current, all := secret(t, s, "legacy")
	if bytes.Equal(current, of(32)) || len(all) != 1 {
		t.Errorf("of %d secrets the revoked one signs: %t", len(all), bytes.Equal(current, of(32)))
	}
	if _, err := s.Reveal(revoked.KID); !errors.Is(err, jwks.ErrNoKey) {
		t.Errorf("the revoked one is revealed: %v", err)
	}
}

// slowVault takes its time to destroy a key.
type slowVault struct {
	*vault
	meanwhile func()
}

func (v *slowVault) Destroy(ctx context.Context, ref string) error {
	v.meanwhile()
	return v.vault.Destroy(ctx, ref)
}

// kinds collects the kinds of changes.
type kinds struct {
	jwks.Observer
	mu    sync.Mutex
	kinds []jwks.ChangeKind
}

func (k *kinds) Changed(c jwks.Change) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.kinds = append(k.kinds, c.Kind)
}

// A set that was written is in use, and told of for good, before the vault
// has destroyed what is gone; what was read before it was written undoes nothing.
func TestALateReadUndoesNoChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, store := time.Now(), newLateStore()
		v, told := &slowVault{vault: &vault{t: t}}, new(kinds)
		c := hourly(store)
		c.Signer = v
		r := open(t, c)
		if _, err := r.Rotate(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		c.Observer = told
		r = open(t, c)
		to(start, 6*time.Hour) // the first key is gone
		end := store.begin(t, r.Reload)
		v.meanwhile = func() {
			if keys := r.Keys(); len(keys) != 2 || keys[0].State != jwks.Active {
				t.Errorf("while the vault is asked the set in use is %v", keys)
			}
			end()
		}
		if _, err := r.Rotate(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		if want := []jwks.ChangeKind{jwks.ChangeActivated, jwks.ChangeAnnounced, jwks.ChangeRemoved}; !slices.Equal(told.kinds, want) {
			t.Errorf("told of %v, want %v", told.kinds, want)
		}
	})
}
