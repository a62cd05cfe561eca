package jwks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrNoKey is wrapped by the errors of calls that name a key that the set does
// not have.
var ErrNoKey = errors.New("there is no such key")

// Revoke ends the key that kid names, in whatever state it is, because others
// may have its private half: it signs no more, leaves the published set, and
// [Ring.Verify] refuses its tokens with [ErrRevokedKey], those signed earlier
// too. If it was the one that signs, its announced successor does from now on,
// or a new key if there is none. The row stays until the last token of the key
// has expired, so that those are told from tokens of a key that never was.
//
// This ring refuses at once; another, once it has read the store: at the call
// of [Ring.Reload] that follows a change of it, at the next poll at the latest.
// Services that verify by the published set refuse once they fetch it again,
// within Config.MaxAge; until then they may also reject tokens of a successor
// that they have not seen. To revoke a key twice is harmless.
func (r *Ring) Revoke(ctx context.Context, kid string) (Key, error) {
	s, err := r.update(ctx, func(ctx context.Context, s *snapshot, now time.Time, m *minter) ([]Key, error) {
		if err := s.fault(); err != nil {
			return nil, err
		}
		rows, needs, err := r.config.revocation(s.rows, kid, now)
		if err != nil {
			return nil, err
		}
		if rows, err = m.add(ctx, rows, needs, now); err != nil {
			return nil, err
		}
		return r.config.settle(rows, now), nil
	})
	if err != nil {
		return Key{}, fmt.Errorf("revoke key: %w", err)
	}
	i := slices.IndexFunc(s.rows, func(k Key) bool { return k.KID == kid })
	return s.rows[i], nil
}
