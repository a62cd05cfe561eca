package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// Kinds of what a Revocation names.
const (
	KindJTI     = "jti"     // one token
	KindSession = "session" // all tokens of one session
)

// Revocation is that tokens are not valid although they have not expired.
type Revocation struct {
	Issuer  string
	Kind    string // KindJTI or KindSession
	Value   string
	Expires time.Time // when the last of the tokens does; it may be forgotten then
}

// Revoke stores a revocation. Of two that name the same the later Expires stays.
func (db *DB) Revoke(ctx context.Context, r Revocation) error {
	err := db.sql.Tx(ctx, func(tx sqldb.Tx) error {
		_, err := tx.Exec(ctx, `
			insert into revocations (issuer, kind, value, expires) values (?, ?, ?, ?)
			on conflict (issuer, kind, value) do update set expires = excluded.expires where revocations.expires < excluded.expires`,
			r.Issuer, r.Kind, r.Value, sqldb.Milliseconds(r.Expires))
		if err != nil {
			return err
		}
		return db.announce(ctx, tx, TopicRevocations)
	})
	if err != nil {
		return fmt.Errorf("revoke %s: %w", r.Kind, err)
	}
	return nil
}

// Revoked returns whether a token was revoked: by its jti, by its session, or because
// that session has ended. Session is "" for a token without one.
func (db *DB) Revoked(ctx context.Context, issuer, jti, session string) (bool, error) {
	var found int
	err := db.sql.Get(ctx, &found, `
		select 1 from revocations where issuer = ? and kind = 'jti' and value = ?
		union all
		select 1 from revocations where issuer = ? and kind = 'session' and value = ?
		union all
		select 1 from sessions where issuer = ? and id = ? and ended <> 0
		limit 1`, issuer, jti, issuer, session, issuer, session)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, ErrNotFound):
		return false, nil
	}
	return false, fmt.Errorf("read revocations: %w", err)
}

// PruneRevocations removes at most limit revocations that have expired and returns
// how many.
func (db *DB) PruneRevocations(ctx context.Context, now time.Time, limit int) (int64, error) {
	n, err := db.sql.Exec(ctx, `
		delete from revocations where (issuer, kind, value) in (
			select issuer, kind, value from revocations where expires < ? order by expires limit ?)`,
		sqldb.Milliseconds(now), limit)
	if err != nil {
		return 0, fmt.Errorf("prune revocations: %w", err)
	}
	return n, nil
}
