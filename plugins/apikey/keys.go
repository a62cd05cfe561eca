package apikey

import (
	"context"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// What the methods of Keys wrap, besides sqldb.ErrUnavailable.
var (
	ErrNotFound = sqldb.ErrNotFound                             // no such key
	ErrExists   = sqldb.ErrExists                               // the hash was imported before
	ErrEnded    = errors.New("the key is revoked or expired")   // and cannot be rotated
	ErrRotated  = errors.New("the key has a successor already") // rotate that one
	ErrInvalid  = errors.New("invalid API key record")
)

// Keys is the table of API keys, in SQLite or PostgreSQL.
type Keys struct {
	db *sqldb.DB
}

//go:embed migrations/*.sql
var migrations embed.FS

// OpenKeys opens the database of the keys; it does not make the table.
func OpenKeys(ctx context.Context, c sqldb.Config) (*Keys, error) {
	db, err := sqldb.Open(ctx, c)
	if err != nil {
		return nil, err
	}
	if db.Driver() == sqldb.MySQL {
		db.Close()
		return nil, errors.New("open API keys: they can be in SQLite or PostgreSQL only")
	}
	return &Keys{db: db}, nil
}

// Migrate makes the table, or brings it up to date. Several processes may call
// it at once.
func (k *Keys) Migrate(ctx context.Context) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	return k.db.Migrate(ctx, "api_keys", files)
}

// Close closes the database.
func (k *Keys) Close() error { return k.db.Close() }

// Create makes a key and returns its record and its text, which is kept nowhere.
// Of the record it takes Name, Owner, Scopes, Audience, Sources and Expires.
func (k *Keys) Create(ctx context.Context, r Record) (Record, sdk.Secret, error) {
	key, text := generate()
	r = r.fresh(key.ID, time.Now())
	if err := insert(ctx, k.db.Exec, r, key.hash()); err != nil {
		return Record{}, "", fmt.Errorf("create API key: %w", err)
	}
	return r, text, nil
}

// Import makes a key known that another system made, by the SHA-256 of its text
// in hexadecimal. It takes of the record what Create takes.
func (k *Keys) Import(ctx context.Context, r Record, hash string) (Record, error) {
	hash = strings.ToLower(hash)
	if raw, err := hex.DecodeString(hash); err != nil || len(raw) != 32 {
		return Record{}, fmt.Errorf("import API key: %w: the hash is not 64 hexadecimal digits", ErrInvalid)
	}
	r = r.fresh(random(idSize), time.Now())
	r.Imported = true
	if err := insert(ctx, k.db.Exec, r, hash); err != nil {
		return Record{}, fmt.Errorf("import API key: %w", err)
	}
	return r, nil
}

// fresh returns the record of a new key with the facts of r.
func (r Record) fresh(id string, now time.Time) Record {
	return Record{
		ID: id, Name: r.Name, Owner: r.Owner, Scopes: r.Scopes, Audience: r.Audience, Sources: r.Sources,
		Created: now.UTC().Truncate(time.Millisecond), Expires: r.Expires.UTC().Truncate(time.Millisecond),
	}
}

// Revoke ends a key for good. Revoking it again changes nothing.
func (k *Keys) Revoke(ctx context.Context, id string) error {
	rows, err := k.db.Exec(ctx, `update api_keys set revoked = case when revoked = 0 then ? else revoked end where id = ?`,
		time.Now().UnixMilli(), id)
	if err == nil && rows == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("revoke API key: %w", err)
	}
	return nil
}

// Rotate makes a successor with the same facts and lifetime, and returns it as
// Create does. The old key ends after overlap, or earlier if it was to.
func (k *Keys) Rotate(ctx context.Context, id string, overlap time.Duration) (Record, sdk.Secret, error) {
	key, text := generate()
	var next Record
	err := k.db.Tx(ctx, func(tx sqldb.Tx) error {
		var old row
		if err := tx.Get(ctx, &old, `select `+columns+` from api_keys where id = ?`, id); err != nil {
			return err
		}
		r, err := old.record()
		if err != nil {
			return err
		}
		now := time.Now()
		if next, err = r.successor(key.ID, now); err != nil {
			return err
		}
		end := now.Add(max(overlap, 0)).UnixMilli()
		if old.Expires != 0 {
			end = min(end, old.Expires)
		}
		rows, err := tx.Exec(ctx, `update api_keys set successor = ?, expires = ? where id = ? and successor = '' and revoked = 0`,
			key.ID, end, id)
		if err != nil {
			return err
		}
		if rows == 0 {
			return ErrRotated
		}
		return insert(ctx, tx.Exec, next, key.hash())
	})
	if err != nil {
		return Record{}, "", fmt.Errorf("rotate API key: %w", err)
	}
	return next, text, nil
}

func (r Record) successor(id string, now time.Time) (Record, error) {
	switch {
	case r.Successor != "":
		return Record{}, fmt.Errorf("%w: %s", ErrRotated, r.Successor)
	case !r.Revoked.IsZero(), !r.Expires.IsZero() && !now.Before(r.Expires):
		return Record{}, ErrEnded
	}
	next := r.fresh(id, now)
	if !r.Expires.IsZero() {
		next.Expires = next.Created.Add(r.Expires.Sub(r.Created))
	}
	return next, nil
}

func insert(ctx context.Context, exec func(context.Context, string, ...any) (int64, error), r Record, hash string) error {
	v, err := r.row(hash)
	if err != nil {
		return err
	}
	_, err = exec(ctx, `insert into api_keys (`+columns+`)
		values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		v.ID, v.Hash, v.Imported, v.Name, v.Subject, v.Username, v.OwnerName, v.Email, v.Organisation, v.DefaultUnit,
		v.Units, v.Groups, v.Roles, v.Claims, v.Scopes, v.Audience, v.Sources,
		v.Created, v.Expires, v.Revoked, v.LastUsed, v.Successor)
	return err
}
