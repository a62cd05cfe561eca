package jwks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/claimsmith/claimsmith/jwks/internal/jws"
)

// The ways in which a token does not verify. Neither says anything about its
// claims, which [Ring.Verify] does not read.
var (
	ErrInvalid    = errors.New("token is invalid")
	ErrUnknownKey = errors.New("token is signed by a key that is not known")
)

// Verified is a token whose signature is that of one of the ring's keys.
type Verified struct {
	KID       string
	Algorithm string
	Typ       string          // "" if the header has none
	Header    json.RawMessage // the whole header
	Payload   json.RawMessage // as it was signed
}

// Verify returns what token says if one of the ring's keys that is not gone
// signed it, by its own algorithm. The error wraps [ErrUnknownKey] if the kid
// names no such key, and [ErrInvalid] for every other reason, among them more
// than 16 KiB, crit in the header, and base64 that is not in canonical form.
// Time and audience of the claims are the caller's to check. For an unknown
// kid the store is asked, at most once a second: another replica may just have
// made that key.
func (r *Ring) Verify(ctx context.Context, token string) (Verified, error) {
	t, err := jws.Parse(token)
	if err != nil {
		return Verified{}, fmt.Errorf("verify token: %w: %w", ErrInvalid, err)
	}
	h := r.find(ctx, t.KID)
	if h == nil {
		return Verified{}, fmt.Errorf("verify token: %w", ErrUnknownKey)
	}
	if t.Algorithm != h.Algorithm {
		return Verified{}, fmt.Errorf("verify token: %w: its algorithm is not that of its key", ErrInvalid)
	}
	if err := h.algorithm.method.Verify(t.Input, t.Signature, h.public); err != nil {
		return Verified{}, fmt.Errorf("verify token: %w: the signature is wrong", ErrInvalid)
	}
	return Verified{KID: t.KID, Algorithm: t.Algorithm, Typ: t.Typ, Header: t.Header, Payload: t.Payload}, nil
}

func (r *Ring) find(ctx context.Context, kid string) *held {
	s, now := r.current(ctx)
	h := s.key(kid)
	if h == nil && kid != "" {
		r.refresh(ctx, s, time.Second)
		h = r.state.Load().key(kid)
	}
	if h == nil || h.State(now) == Gone {
		return nil
	}
	return h
}
