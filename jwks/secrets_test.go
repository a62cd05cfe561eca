package jwks_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/claimsmith/claimsmith/jwks"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

func openSecrets(t testing.TB, s jwks.Store) *jwks.Secrets {
	t.Helper()
	secrets, err := jwks.OpenSecrets(t.Context(), jwks.SecretsConfig{
		Issuer: issuer, Store: s, Sealer: newSealer(t), Log: slog.New(slog.DiscardHandler),
		Retain: 5*time.Hour - 2*time.Minute, Skew: time.Minute, Poll: time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	return secrets
}

func secret(t testing.TB, s *jwks.Secrets, name string) (current []byte, all [][]byte) {
	t.Helper()
	current, all, err := s.Secret(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return current, all
}

// of returns a secret of n different bytes.
func of(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

func TestSixProcessesMakeOneSecret(t *testing.T) {
	store := new(jwks.MemoryStore)
	var got [6][]byte
	var wg sync.WaitGroup
	for i := range got {
		s := openSecrets(t, store)
		wg.Go(func() {
			if err := s.Ensure(t.Context(), "legacy", "HS384"); err != nil {
				t.Error(err)
				return
			}
			got[i], _ = secret(t, s, "legacy")
		})
	}
	wg.Wait()
	for _, b := range got {
		if len(b) != 48 || !bytes.Equal(b, got[0]) {
			t.Errorf("secrets differ, or are not as long as the hash: %d and %d bytes", len(got[0]), len(b))
		}
	}
}

func TestSecretsRotateWithOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, store := time.Now(), new(jwks.MemoryStore)
		s := openSecrets(t, store)
		if err := s.Ensure(t.Context(), "legacy", "HS256"); err != nil {
			t.Fatal(err)
		}
		old, _ := secret(t, s, "legacy")
		if _, err := s.Import(t.Context(), "legacy", "HS256", of(32), 2*time.Hour); err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct {
			after   time.Duration
			current []byte
			all     [][]byte
		}{
			{0, old, [][]byte{old, of(32)}},
			{2*time.Hour - time.Millisecond, old, [][]byte{old, of(32)}},
			{2 * time.Hour, of(32), [][]byte{old, of(32)}},
			{7*time.Hour - time.Millisecond, of(32), [][]byte{old, of(32)}},
			{7 * time.Hour, of(32), [][]byte{of(32)}},
		} {
			to(start, step.after)
			for name, s := range map[string]*jwks.Secrets{"open": s, "opened now": openSecrets(t, store)} {
				current, all := secret(t, s, "legacy")
				if !bytes.Equal(current, step.current) || !cmp.Equal(all, step.all) {
					t.Errorf("%s, after %s: another secret signs or verifies", name, step.after)
				}
			}
		}
	})
}

func TestRevokedSecret(t *testing.T) {
	for _, test := range []struct {
		name   string
		revoke int // of two secrets, of which the second is announced
		left   int // of those that were there
	}{{"the one that signs", 0, 1}, {"the one that is announced", 1, 0}} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := openSecrets(t, new(jwks.MemoryStore))
				for range 2 {
					if _, err := s.Rotate(t.Context(), "legacy", "HS256", time.Hour); err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Second)
				}
				_, before := secret(t, s, "legacy")
				if _, err := s.Revoke(t.Context(), s.Keys()[test.revoke].KID); err != nil {
					t.Fatal(err)
				}
				for _, after := range []time.Duration{0, 100 * time.Hour} {
					time.Sleep(after)
					current, all := secret(t, s, "legacy")
					if want := before[test.left]; !bytes.Equal(current, want) || !cmp.Equal(all, [][]byte{want}) {
						t.Errorf("after %s: another secret signs or verifies", after)
					}
				}
			})
		})
	}
	s := openSecrets(t, new(jwks.MemoryStore))
	only, err := s.Rotate(t.Context(), "legacy", "HS512", 0)
	if err != nil {
		t.Fatal(err)
	}
	former, _ := secret(t, s, "legacy")
	if _, err := s.Revoke(t.Context(), only.KID); err != nil {
		t.Fatal(err)
	}
	if current, all := secret(t, s, "legacy"); bytes.Equal(current, former) || len(current) != 64 || len(all) != 1 {
		t.Error("the only secret was revoked, and no new one took its place")
	}
}

func TestSecretsThatAreRefused(t *testing.T) {
	s := openSecrets(t, new(jwks.MemoryStore))
	for _, test := range []struct {
		name, algorithm string
		secret          []byte
		want            string
	}{
		{"legacy", "HS256", of(31), "31 bytes are too few for HS256: want at least 32"},
		{"legacy", "HS512", of(63), "at least 64"},
		{"legacy", "HS256", nil, "0 bytes"},
		{"legacy", "HS256", make([]byte, 32), "different bytes"},
		{"legacy", "HS256", bytes.Repeat(of(64), 65), "too many"},
		{"legacy", "ES256", of(32), "HS256, HS384 or HS512"},
		{"Legacy", "HS256", of(32), "form"},
		{"", "HS256", of(32), "form"},
	} {
		if _, err := s.Import(t.Context(), test.name, test.algorithm, test.secret, 0); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%d bytes for %s: %v, want %q", len(test.secret), test.algorithm, err, test.want)
		}
	}
	if _, _, err := s.Secret(t.Context(), "nobody"); !errors.Is(err, jwks.ErrNoKey) {
		t.Errorf("a name of none: %v, want ErrNoKey", err)
	}
	if _, err := s.Import(t.Context(), "legacy", "HS256", of(32), 0); err != nil {
		t.Fatal(err)
	}
	if err := s.Ensure(t.Context(), "legacy", "HS512"); err == nil || !strings.Contains(err.Error(), "HS256") {
		t.Errorf("a secret that is too short for its dialect: %v", err)
	}
}

// A secret that is too short for what its dialect signs with by now is replaced,
// and may verify until it is gone.
func TestALongerSecretTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(jwks.MemoryStore)
		s, other := openSecrets(t, store), openSecrets(t, store)
		for _, step := range []struct {
			algorithm string
			after     time.Duration
			good      bool
		}{{"HS256", 0, false}, {"HS512", 0, true}, {"HS256", time.Hour, false}} {
			if _, err := s.Rotate(t.Context(), "legacy", step.algorithm, step.after); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			if err := s.Ensure(t.Context(), "legacy", "HS512"); (err == nil) != step.good {
				t.Errorf("after a secret for %s that signs in %s: %v", step.algorithm, step.after, err)
			}
			if err := other.Ensure(t.Context(), "legacy", "HS512"); err != nil && step.good {
				t.Errorf("where it was not heard of yet: %v", err)
			}
			if err := other.Reload(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Whoever shares a secret can sign with it whatever they like. None of it may
// pass for a token of the issuer, though all of it is in one store.
func TestWhatASecretSignsIsNoTokenOfTheRing(t *testing.T) {
	store := new(jwks.MemoryStore)
	s := openSecrets(t, store)
	row, err := s.Import(t.Context(), "legacy", "HS256", of(32), 0)
	if err != nil {
		t.Fatal(err)
	}
	keys, version, err := store.Keys(t.Context(), issuer)
	if err != nil {
		t.Fatal(err)
	}
	// Even a row that strayed into the ring's own set does no harm.
	stray := row
	stray.KID = "stray"
	if stray.Sealed, err = newSealer(t).Seal(issuer, "HS256", "stray", of(32)); err != nil {
		t.Fatal(err)
	}
	if err := store.UpdateKeys(t.Context(), issuer, version, append(keys, stray)); err != nil {
		t.Fatal(err)
	}
	r := open(t, jwks.Config{Store: store})
	genuine := kidOf(t, sign(t, r))
	for _, kid := range []string{row.KID, "stray", genuine, ""} {
		token := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"sub": "alice"})
		token.Header["kid"], token.Header["typ"] = kid, "at+jwt"
		text, err := token.SignedString(of(32))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Verify(t.Context(), text); !errors.Is(err, jwks.ErrInvalid) && !errors.Is(err, jwks.ErrUnknownKey) {
			t.Errorf("a token under kid %q: %v, want it refused", kid, err)
		}
	}
	var set struct{ Keys []json.RawMessage }
	body := get(r, nil).Body.Bytes()
	if err := json.Unmarshal(body, &set); err != nil || len(set.Keys) != 1 || bytes.Contains(body, []byte("stray")) || bytes.Contains(body, []byte("legacy")) {
		t.Errorf("published: %s, %v", body, err)
	}
}

func TestRewrapOfSecrets(t *testing.T) {
	store := new(jwks.MemoryStore)
	s := openSecrets(t, store)
	if _, err := s.Import(t.Context(), "legacy", "HS256", of(32), 0); err != nil {
		t.Fatal(err)
	}
	both := sealerOf(t, map[string][]byte{"m1": bytes.Repeat([]byte("m"), 32), "m2": masterB}, "m2")
	if n, err := jwks.Rewrap(t.Context(), store, both, issuer+":secrets"); err != nil || len(n) != 1 {
		t.Fatalf("sealed %d, %v", len(n), err)
	}
	without, err := jwks.OpenSecrets(t.Context(), jwks.SecretsConfig{Issuer: issuer, Store: store, Sealer: sealerOf(t, map[string][]byte{"m2": masterB}, "m2")})
	if err != nil {
		t.Fatal(err)
	}
	if current, _ := secret(t, without, "legacy"); !bytes.Equal(current, of(32)) {
		t.Error("another secret came out")
	}
}
