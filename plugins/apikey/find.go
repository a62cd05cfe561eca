package apikey

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
)

const columns = `id, hash, imported, name, subject, username, owner_name, email, organisation, default_unit,
	units, groups, roles, claims, scopes, audience, sources, created, expires, revoked, last_used, successor`

// Get returns the key with an ID.
func (k *Keys) Get(ctx context.Context, id string) (Record, error) {
	r, err := k.get(ctx, `id = ?`, id)
	if err != nil {
		return Record{}, err
	}
	return r.Record, nil
}

// Filter narrows a list of keys. The zero value lists all.
type Filter struct {
	Subject       string // of the owner
	Organisation  string // of the owner
	Limit, Offset int    // Limit 0 for no limit
}

// List returns keys, those made last first.
func (k *Keys) List(ctx context.Context, f Filter) ([]Record, error) {
	if f.Limit <= 0 {
		f.Limit = 1<<31 - 1
	}
	var rows []row
	err := k.db.Select(ctx, &rows, `select `+columns+` from api_keys
		where (? = '' or subject = ?) and (? = '' or organisation = ?)
		order by created desc, id limit ? offset ?`,
		f.Subject, f.Subject, f.Organisation, f.Organisation, f.Limit, f.Offset)
	if err != nil {
		return nil, fmt.Errorf("list API keys: %w", err)
	}
	records := make([]Record, len(rows))
	for i, row := range rows {
		if records[i], err = row.record(); err != nil {
			return nil, err
		}
	}
	return records, nil
}

// stored is a key's record and hash. It is shared: nobody changes it.
type stored struct {
	Record
	hash [32]byte
}

// How the row of a key is found, each by an index.
const (
	ourKey     = `id = ? and imported = 0`
	foreignKey = `hash = ? and imported = 1`
)

// find returns the row of a key, whose secret it does not compare.
func (k *Keys) find(ctx context.Context, key Key) (*stored, error) {
	if key.ID != "" {
		return k.get(ctx, ourKey, key.ID)
	}
	return k.get(ctx, foreignKey, key.hash())
}

// named returns the key with an ID, or the newest of a subject or user name.
func (k *Keys) named(ctx context.Context, name string) (*stored, error) {
	found, err := k.get(ctx, `id = ?`, name)
	if errors.Is(err, ErrNotFound) {
		found, err = k.get(ctx, `subject = ? or username = ? order by created desc, id limit 1`, name, name)
	}
	return found, err
}

func (k *Keys) get(ctx context.Context, where string, args ...any) (*stored, error) {
	var r row
	if err := k.db.Get(ctx, &r, `select `+columns+` from api_keys where `+where, args...); err != nil {
		return nil, fmt.Errorf("find API key: %w", err)
	}
	record, err := r.record()
	if err != nil {
		return nil, err
	}
	found := &stored{Record: record}
	hash, err := hex.DecodeString(r.Hash)
	if err != nil || copy(found.hash[:], hash) != len(found.hash) {
		return nil, fmt.Errorf("read API key %s: malformed hash", r.ID)
	}
	return found, nil
}
