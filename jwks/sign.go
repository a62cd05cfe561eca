package jwks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Sign returns a token over claims, a JSON object, signed with the key of the
// algorithm that is active now. Algorithm "" is the first of
// Config.Algorithms, typ "" is "JWT"; an access token's is "at+jwt" (RFC 9068).
// Claims are not looked into: exp at most Config.Retain from now is the
// caller's part of the package's promise. The store is asked, for up to two
// seconds, only if it was not read for so long that the keys may have changed.
func (r *Ring) Sign(ctx context.Context, algorithm, typ string, claims []byte) (string, error) {
	algorithm = cmp.Or(algorithm, r.config.Algorithms[0])
	if !slices.Contains(r.config.Algorithms, algorithm) {
		return "", fmt.Errorf("sign token: algorithm %q is not one of this issuer's: %s", algorithm, strings.Join(r.config.Algorithms, ", "))
	}
	if len(claims) < 2 || claims[0] != '{' || claims[len(claims)-1] != '}' {
		return "", errors.New("sign token: claims are not a JSON object")
	}
	s, now := r.current(ctx)
	h, err := s.signing(algorithm, now)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	token, err := h.token(ctx, h.signer, cmp.Or(typ, "JWT"), claims)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	r.config.Observer.Signed(h.KID)
	return token, nil
}
