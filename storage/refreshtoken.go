package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// RefreshToken is what is kept of a refresh token. A session has at most one that is
// not used; the database itself sees to that.
type RefreshToken struct {
	Hash      string // base64url of the token's SHA-256; the key
	SessionID string // CreateSession and RotateRefreshToken set it to that of their session
	Created   time.Time
	Expires   time.Time
	Used      time.Time // zero: it was not
	Successor string    // the hash of the token that replaced it
}

const insertRefreshToken = `
	insert into refresh_tokens (hash, issuer, session_id, created, expires, used, successor)
	values (?, ?, ?, ?, ?, 0, '')`

// RefreshToken returns a refresh token, used or not, and its session, whether it lives
// or not, or ErrNotFound.
func (db *DB) RefreshToken(ctx context.Context, issuer, hash string) (RefreshToken, Session, error) {
	var r struct {
		sessionRow
		Hash         string `db:"hash"`
		TokenCreated int64  `db:"token_created"`
		TokenExpires int64  `db:"token_expires"`
		Used         int64  `db:"used"`
		Successor    string `db:"successor"`
	}
	err := db.sql.Get(ctx, &r, `
		select t.hash, t.created as token_created, t.expires as token_expires, t.used, t.successor,
			s.issuer, s.id, s.client_id, s.subject, s.username, s.plugin, s.identity, s.scopes, s.audience, s.created, s.expires, s.confirmed, s.ended, s.end_reason
		from refresh_tokens t join sessions s on s.issuer = t.issuer and s.id = t.session_id
		where t.hash = ? and t.issuer = ?`, hash, issuer)
	if err != nil {
		return RefreshToken{}, Session{}, fmt.Errorf("read refresh token: %w", err)
	}
	session, err := r.session()
	if err != nil {
		return RefreshToken{}, Session{}, err
	}
	token := RefreshToken{
		Hash: r.Hash, SessionID: r.ID, Created: sqldb.Instant(r.TokenCreated), Expires: sqldb.Instant(r.TokenExpires),
		Used: sqldb.Instant(r.Used), Successor: r.Successor,
	}
	return token, session, nil
}

// RotateRefreshToken marks a refresh token of session s as used, stores next as its
// successor, and gives the session the identity with its user name and when it was
// confirmed, scopes, audience and expiry of s. All of
// it is done, or nothing: if another has used the token meanwhile or the session has
// ended, it returns ErrConflict; after any other error too the old token is as it was,
// unless the connection broke while the commit was under way.
func (db *DB) RotateRefreshToken(ctx context.Context, issuer, oldHash string, next RefreshToken, s Session, now time.Time) error {
	r, err := newSessionRow(s)
	if err != nil {
		return fmt.Errorf("rotate refresh token: %w", err)
	}
	steps := []struct {
		statement string
		args      []any
	}{
		// The session first, as all do that write both, so that nobody waits in a circle.
		{`update sessions set identity = ?, username = ?, scopes = ?, audience = ?, expires = ?, confirmed = ? where issuer = ? and id = ? and ended = 0`,
			[]any{r.Identity, r.Username, r.Scopes, r.Audience, r.Expires, r.Confirmed, issuer, r.ID}},
		{`update refresh_tokens set used = ?, successor = ? where hash = ? and issuer = ? and session_id = ? and used = 0`,
			[]any{sqldb.Milliseconds(now), next.Hash, oldHash, issuer, r.ID}},
		{insertRefreshToken + ` on conflict do nothing`,
			[]any{next.Hash, issuer, r.ID, sqldb.Milliseconds(next.Created), sqldb.Milliseconds(next.Expires)}},
	}
	err = db.sql.Tx(ctx, func(tx sqldb.Tx) error {
		for _, step := range steps {
			switch n, err := tx.Exec(ctx, step.statement, step.args...); {
			case err != nil:
				return err
			case n == 0:
				return ErrConflict
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("rotate refresh token: %w", err)
	}
	return nil
}
