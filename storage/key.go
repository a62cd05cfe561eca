package storage

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/claimsmith/claimsmith/jwks"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

var _ jwks.Store = (*DB)(nil)

type keyRow struct {
	Version   int64  `db:"version"` // of the set
	KID       string `db:"kid"`
	Algorithm string `db:"algorithm"`
	Public    string `db:"public"`
	Sealed    string `db:"sealed"`
	Created   int64  `db:"created"`
	Announced int64  `db:"announced"`
	Active    int64  `db:"active"`
	Retired   int64  `db:"retired"`
	Gone      int64  `db:"gone"`
	Revoked   int64  `db:"revoked"`
	Told      string `db:"told"`
}

// Keys returns an issuer's signing keys, the oldest first, and the version of the set;
// 0 if it never had one.
func (db *DB) Keys(ctx context.Context, issuer string) ([]jwks.Key, int64, error) {
	var rows []keyRow
	// In one statement, so that keys and version are of one moment. The row of an empty
	// set has no kid.
	err := db.sql.Select(ctx, &rows, `
		select s.version, coalesce(k.kid, '') as kid, coalesce(k.algorithm, '') as algorithm,
			coalesce(k.public, '') as public, coalesce(k.sealed, '') as sealed,
			coalesce(k.created, 0) as created, coalesce(k.announced, 0) as announced, coalesce(k.active, 0) as active,
			coalesce(k.retired, 0) as retired, coalesce(k.gone, 0) as gone, coalesce(k.revoked, 0) as revoked,
			coalesce(k.told, '') as told
		from key_sets s left join keys k on k.issuer = s.issuer
		where s.issuer = ? order by k.created, k.kid`, issuer)
	if err != nil {
		return nil, 0, fmt.Errorf("read keys: %w", err)
	}
	var keys []jwks.Key
	var version int64
	for _, r := range rows {
		version = r.Version
		if r.KID == "" {
			continue
		}
		key, err := r.key()
		if err != nil {
			return nil, 0, err
		}
		keys = append(keys, key)
	}
	return keys, version, nil
}

// KeySets returns the names of all sets of keys: the issuers', those that the
// configuration no longer names too, and those of secrets.
func (db *DB) KeySets(ctx context.Context) ([]string, error) {
	var names []string
	if err := db.sql.Select(ctx, &names, `select issuer from key_sets order by issuer`); err != nil {
		return nil, fmt.Errorf("read sets of keys: %w", err)
	}
	return names, nil
}

// UpdateKeys replaces an issuer's signing keys if the set still has that version, and
// else returns ErrConflict, which here wraps jwks.ErrConflict too.
func (db *DB) UpdateKeys(ctx context.Context, issuer string, version int64, keys []jwks.Key) error {
	err := db.sql.Tx(ctx, func(tx sqldb.Tx) error {
		if err := advanceKeySet(ctx, tx, issuer, version); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `delete from keys where issuer = ?`, issuer); err != nil {
			return err
		}
		for _, k := range keys {
			_, err := tx.Exec(ctx, `
				insert into keys (issuer, kid, algorithm, public, sealed, created, announced, active, retired, gone, revoked, told)
				values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
				issuer, k.KID, k.Algorithm, string(k.Public), base64.StdEncoding.EncodeToString(k.Sealed),
				sqldb.Milliseconds(k.Created), sqldb.Milliseconds(k.Announced), sqldb.Milliseconds(k.Active), sqldb.Milliseconds(k.Retired), sqldb.Milliseconds(k.Gone), sqldb.Milliseconds(k.Revoked), string(k.Told))
			if err != nil {
				return err
			}
		}
		return db.announce(ctx, tx, TopicKeys)
	})
	if err != nil {
		return fmt.Errorf("update keys: %w", err)
	}
	return nil
}

var errKeysConflict = errors.Join(ErrConflict, jwks.ErrConflict)

// advanceKeySet makes version into version + 1; others who try wait for our end.
func advanceKeySet(ctx context.Context, tx sqldb.Tx, issuer string, version int64) error {
	var n int64
	var err error
	if version == 0 {
		n, err = tx.Exec(ctx, `insert into key_sets (issuer, version) values (?, 1) on conflict do nothing`, issuer)
	} else {
		n, err = tx.Exec(ctx, `update key_sets set version = version + 1 where issuer = ? and version = ?`, issuer, version)
	}
	if err == nil && n == 0 {
		return errKeysConflict
	}
	return err
}

func (r keyRow) key() (jwks.Key, error) {
	sealed, err := base64.StdEncoding.DecodeString(r.Sealed)
	if err != nil {
		return jwks.Key{}, fmt.Errorf("decode key %s: %w", r.KID, err)
	}
	k := jwks.Key{
		KID: r.KID, Algorithm: r.Algorithm, Sealed: sealed,
		Created: sqldb.Instant(r.Created), Announced: sqldb.Instant(r.Announced), Active: sqldb.Instant(r.Active),
		Retired: sqldb.Instant(r.Retired), Gone: sqldb.Instant(r.Gone), Revoked: sqldb.Instant(r.Revoked), Told: jwks.State(r.Told),
	}
	if r.Public != "" {
		k.Public = json.RawMessage(r.Public)
	}
	return k, nil
}
