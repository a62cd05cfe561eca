package jwks

import (
	"context"
	"crypto"
	"encoding/base64"
	"testing"
	"time"
)

// OpenAt is Open with a clock of its own, for replicas whose clocks differ.
func OpenAt(ctx context.Context, c Config, clock func() time.Time) (*Ring, error) {
	return open(ctx, c, clock)
}

// Tend does what Run does when it wakes.
func (r *Ring) Tend(ctx context.Context) error {
	_, err := r.update(ctx, r.tended)
	return err
}

// Wait returns when Run would wake.
func (r *Ring) Wait() time.Duration { return r.wait() }

// Generate returns a private key for the algorithm.
func Generate(t testing.TB, algorithm string) crypto.Signer {
	t.Helper()
	key, err := algorithms[algorithm].generate(2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// SignInput completes input with a signature of the default algorithm's key,
// whatever its header says.
func (r *Ring) SignInput(t testing.TB, input string) string {
	t.Helper()
	h, err := r.state.Load().signing(r.config.Algorithms[0], r.clock())
	if err != nil {
		t.Fatal(err)
	}
	signature, err := h.signer.Sign(t.Context(), input)
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}
