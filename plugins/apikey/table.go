package apikey

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// table is the source of keys that are kept in a table of ours.
type table struct {
	keys  *Keys
	cache *cache
	usage *usage
}

func openTable(ctx context.Context, c Config) (source, error) {
	keys, err := OpenKeys(ctx, sqldb.Config{URL: c.URL, Password: c.Password.Reveal(), MaxConns: c.MaxConns})
	if err != nil {
		return nil, err
	}
	if err := keys.Migrate(ctx); err != nil {
		keys.Close()
		return nil, err
	}
	return newTable(keys), nil
}

func newTable(keys *Keys) *table {
	return &table{keys: keys, cache: newCache(keys), usage: newUsage(keys)}
}

// check refuses a text that begins as our keys do and is none without asking
// the database.
func (t *table) check(ctx context.Context, text string) (*Record, error) {
	key, err := parseAny(text)
	if err != nil {
		return nil, sdk.ErrUnknown
	}
	found, err := t.cache.find(ctx, key)
	if err != nil {
		return nil, absent(err)
	}
	if subtle.ConstantTimeCompare(found.hash[:], key.Hash[:]) != 1 {
		return nil, sdk.Denied(sdk.Invalid)
	}
	return &found.Record, nil
}

func (t *table) withID(ctx context.Context, id string) (*Record, error) {
	found, err := t.keys.get(ctx, `id = ?`, id)
	if err != nil {
		return nil, absent(err)
	}
	return &found.Record, nil
}

func (t *table) named(ctx context.Context, name string) (*Record, error) {
	found, err := t.keys.named(ctx, name)
	if err != nil {
		return nil, absent(err)
	}
	return &found.Record, nil
}

func (t *table) used(r *Record, now time.Time) { t.usage.touch(r, now) }

func (t *table) close() error {
	t.usage.close()
	return t.keys.Close()
}

func absent(err error) error {
	if errors.Is(err, ErrNotFound) {
		return sdk.ErrUnknown
	}
	return sdk.Unavailable(fmt.Errorf("check API key: %w", err))
}
