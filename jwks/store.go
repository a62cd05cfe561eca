package jwks

import (
	"context"
	"errors"
)

// ErrConflict is returned by [Store.UpdateKeys] when the set is no longer the
// one that was read, and by a [Ring] that met this too often in a row.
var ErrConflict = errors.New("keys were changed meanwhile")

// A Store keeps the set of keys of each issuer. It is safe for concurrent use,
// by several processes where they share keys. Package jwkstest has the suite
// that every Store passes.
type Store interface {
	// Keys returns the issuer's set, in any order, and its version: 0 for an
	// issuer that never had one. The caller may change what it is given.
	Keys(ctx context.Context, issuer string) (keys []Key, version int64, err error)

	// UpdateKeys replaces the issuer's whole set and makes its version
	// version+1, or changes nothing and returns an error that wraps
	// [ErrConflict] if its version is not version.
	UpdateKeys(ctx context.Context, issuer string, version int64, keys []Key) error
}
