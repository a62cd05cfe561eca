package jwks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/claimsmith/claimsmith/jwks/internal/jws"
)

// The ways in which a token does not verify. None says anything about its
// claims, which [Ring.Verify] does not read.
var (
	ErrInvalid    = errors.New("token is invalid")
	ErrUnknownKey = errors.New("token is signed by a key that is not known")
	ErrRevokedKey = errors.New("its key was revoked") // beside ErrInvalid
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
// made that key. Tokens of a key that was revoked are refused from the moment
// that the ring has read it: see [Ring.Revoke].
func (r *Ring) Verify(ctx context.Context, token string) (Verified, error) {
	v, kid, err := r.verify(ctx, token)
	r.config.Observer.Verified(kid, err)
	if err != nil {
		return Verified{}, fmt.Errorf("verify token: %w", err)
	}
	return v, nil
}

// Holds reports whether a token that verified before does so still, by what
// became of its key since: the signature is not looked at again. Where it does
// not, [Ring.Verify] says why.
func (r *Ring) Holds(ctx context.Context, v Verified) bool {
	h := r.find(ctx, v.KID)
	if h == nil || h.refuses(v.Algorithm) != nil {
		return false
	}
	r.config.Observer.Verified(v.KID, nil)
	return true
}

// refuses returns why the key verifies no token of an algorithm, or nil.
func (h *held) refuses(algorithm string) error {
	if h.revoked() {
		return fmt.Errorf("%w: %w", ErrInvalid, ErrRevokedKey)
	}
	if h.Algorithm != algorithm {
		return fmt.Errorf("%w: its algorithm is not that of its key", ErrInvalid)
	}
	return nil
}

// verify returns the kid also of a key that does not verify the token.
func (r *Ring) verify(ctx context.Context, token string) (v Verified, kid string, err error) {
	t, err := jws.Parse(token)
	if err != nil {
		return v, "", fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	h := r.find(ctx, t.KID)
	if h == nil {
		return v, "", ErrUnknownKey
	}
	if err := h.refuses(t.Algorithm); err != nil {
		return v, h.KID, err
	}
	if err := h.algorithm.method.Verify(t.Input, t.Signature, h.public); err != nil {
		return v, h.KID, fmt.Errorf("%w: the signature is wrong", ErrInvalid)
	}
	return Verified{KID: t.KID, Algorithm: t.Algorithm, Typ: t.Typ, Header: t.Header, Payload: t.Payload}, h.KID, nil
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
