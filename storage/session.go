package storage

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// Session is one login: what the refresh tokens that came of it have in common.
type Session struct {
	Issuer, ID       string // together the key
	ClientID         string
	Subject          string
	Username         string          // as the person knows it
	Plugin           string          // which vouched for the identity
	Identity         json.RawMessage // as the plugin told it last
	Scopes, Audience []string        // as granted last
	Created, Expires time.Time
	Confirmed        time.Time // when the plugin last vouched for the identity
	Ended            time.Time // zero: it lives, unless it has expired
	EndReason        string
}

type sessionRow struct {
	Issuer    string `db:"issuer"`
	ID        string `db:"id"`
	ClientID  string `db:"client_id"`
	Subject   string `db:"subject"`
	Username  string `db:"username"`
	Plugin    string `db:"plugin"`
	Identity  string `db:"identity"`
	Scopes    string `db:"scopes"`
	Audience  string `db:"audience"`
	Created   int64  `db:"created"`
	Expires   int64  `db:"expires"`
	Confirmed int64  `db:"confirmed"`
	Ended     int64  `db:"ended"`
	EndReason string `db:"end_reason"`
}

const selectSession = `
	select issuer, id, client_id, subject, username, plugin, identity, scopes, audience, created, expires, confirmed, ended, end_reason
	from sessions where issuer = ?`

// CreateSession stores a new session and its first refresh token, both or neither.
func (db *DB) CreateSession(ctx context.Context, s Session, t RefreshToken) error {
	r, err := newSessionRow(s)
	if err != nil {
		return fmt.Errorf("create session: %w", err)
	}
	err = db.sql.Tx(ctx, func(tx sqldb.Tx) error {
		_, err := tx.Exec(ctx, `
			insert into sessions (issuer, id, client_id, subject, username, plugin, identity, scopes, audience, created, expires, confirmed, ended, end_reason)
			values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			r.Issuer, r.ID, r.ClientID, r.Subject, r.Username, r.Plugin, r.Identity, r.Scopes, r.Audience, r.Created, r.Expires, r.Confirmed, r.Ended, r.EndReason)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, insertRefreshToken, t.Hash, r.Issuer, r.ID, sqldb.Milliseconds(t.Created), sqldb.Milliseconds(t.Expires))
		return err
	})
	if err != nil {
		return fmt.Errorf("create session: %w", err)
	}
	return nil
}

// Session returns a session, whether it lives or not, or ErrNotFound.
func (db *DB) Session(ctx context.Context, issuer, id string) (Session, error) {
	var r sessionRow
	if err := db.sql.Get(ctx, &r, selectSession+` and id = ?`, issuer, id); err != nil {
		return Session{}, fmt.Errorf("read session: %w", err)
	}
	return r.session()
}

// SessionFilter says which sessions are meant: those of an issuer to which all that
// is set applies.
type SessionFilter struct {
	Issuer   string // needed
	ClientID string
	Subject  string
	Person   string // a subject or a user name
	Live     bool   // neither ended nor expired
	Limit    int    // of how many to return; 0: 100. EndSessions has none.
}

const defaultLimit = 100

// where returns the filter's conditions, to follow upon one on the issuer.
func (f SessionFilter) where() (conditions string, args []any) {
	add := func(condition string, arg any) {
		conditions += " and " + condition
		args = append(args, arg)
	}
	if f.ClientID != "" {
		add("client_id = ?", f.ClientID)
	}
	if f.Subject != "" {
		add("subject = ?", f.Subject)
	}
	if f.Person != "" {
		conditions += " and (subject = ? or username = ?)"
		args = append(args, f.Person, f.Person)
	}
	if f.Live {
		add("ended = 0 and expires > ?", sqldb.Milliseconds(time.Now()))
	}
	return conditions, args
}

// Sessions returns the sessions that a filter finds, the latest first.
func (db *DB) Sessions(ctx context.Context, f SessionFilter) ([]Session, error) {
	conditions, args := f.where()
	args = append([]any{f.Issuer}, append(args, cmp.Or(f.Limit, defaultLimit))...)
	var rows []sessionRow
	err := db.sql.Select(ctx, &rows, selectSession+conditions+` order by created desc, id limit ?`, args...)
	if errors.Is(err, ErrInvalid) {
		return nil, nil // no session can have what is asked for
	}
	if err != nil {
		return nil, fmt.Errorf("read sessions: %w", err)
	}
	sessions := make([]Session, len(rows))
	for i, r := range rows {
		if sessions[i], err = r.session(); err != nil {
			return nil, err
		}
	}
	return sessions, nil
}

// EndSession ends a session: its refresh token is of no use from now on, and Revoked
// says so of its access tokens. One that has ended keeps its first end and reason. It
// returns ErrNotFound if there is no such session.
func (db *DB) EndSession(ctx context.Context, issuer, id, reason string, now time.Time) error {
	err := db.sql.Tx(ctx, func(tx sqldb.Tx) error {
		n, err := tx.Exec(ctx, `
			update sessions set ended = ?, end_reason = ? where issuer = ? and id = ? and ended = 0`,
			sqldb.Milliseconds(now), reason, issuer, id)
		if err != nil {
			return err
		}
		if n > 0 {
			return db.announce(ctx, tx, TopicRevocations)
		}
		var found int
		return tx.Get(ctx, &found, `select 1 from sessions where issuer = ? and id = ?`, issuer, id)
	})
	if errors.Is(err, ErrInvalid) {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// EndSessions ends the sessions that a filter finds, as EndSession does, and returns
// how many.
func (db *DB) EndSessions(ctx context.Context, f SessionFilter, reason string, now time.Time) (int64, error) {
	conditions, args := f.where()
	args = append([]any{sqldb.Milliseconds(now), reason, f.Issuer}, args...)
	var ended int64
	err := db.sql.Tx(ctx, func(tx sqldb.Tx) (err error) {
		ended, err = tx.Exec(ctx, `update sessions set ended = ?, end_reason = ? where issuer = ? and ended = 0`+conditions, args...)
		if err != nil || ended == 0 {
			return err
		}
		return db.announce(ctx, tx, TopicRevocations)
	})
	if err != nil {
		return 0, fmt.Errorf("end sessions: %w", err)
	}
	return ended, nil
}

// keepSessions is how long a session is kept after it has expired. No access token of
// it, which an end of the session revokes, may live longer than that.
const keepSessions = 24 * time.Hour

// PruneSessions removes at most limit sessions that have long expired, with their
// refresh tokens, and as many used refresh tokens that have expired of sessions that
// live. It returns how many rows were removed; less than limit: there were no more.
func (db *DB) PruneSessions(ctx context.Context, now time.Time, limit int) (int64, error) {
	sessions, err := db.sql.Exec(ctx, `
		delete from sessions where (issuer, id) in (select issuer, id from sessions where expires < ? order by expires limit ?)`,
		sqldb.Milliseconds(now.Add(-keepSessions)), limit)
	if err != nil {
		return 0, fmt.Errorf("prune sessions: %w", err)
	}
	tokens, err := db.sql.Exec(ctx, `
		delete from refresh_tokens where hash in (select hash from refresh_tokens where expires < ? and used <> 0 order by expires limit ?)`,
		sqldb.Milliseconds(now), limit)
	if err != nil {
		return sessions, fmt.Errorf("prune refresh tokens: %w", err)
	}
	return sessions + tokens, nil
}

func newSessionRow(s Session) (r sessionRow, err error) {
	if s.Issuer == "" || s.ID == "" {
		return r, errors.New("it has no issuer or no ID")
	}
	r = sessionRow{
		Issuer: s.Issuer, ID: s.ID, ClientID: s.ClientID, Subject: s.Subject, Username: s.Username, Plugin: s.Plugin,
		Identity: string(s.Identity), Created: sqldb.Milliseconds(s.Created), Expires: sqldb.Milliseconds(s.Expires),
		Confirmed: sqldb.Milliseconds(s.Confirmed), Ended: sqldb.Milliseconds(s.Ended), EndReason: s.EndReason,
	}
	if r.Scopes, err = encode(s.Scopes); err != nil {
		return r, err
	}
	r.Audience, err = encode(s.Audience)
	return r, err
}

func (r *sessionRow) session() (Session, error) {
	s := Session{
		Issuer: r.Issuer, ID: r.ID, ClientID: r.ClientID, Subject: r.Subject, Username: r.Username, Plugin: r.Plugin,
		Created: sqldb.Instant(r.Created), Expires: sqldb.Instant(r.Expires), Confirmed: sqldb.Instant(r.Confirmed), Ended: sqldb.Instant(r.Ended), EndReason: r.EndReason,
	}
	if r.Identity != "" {
		s.Identity = json.RawMessage(r.Identity)
	}
	if err := errors.Join(decode(r.Scopes, &s.Scopes), decode(r.Audience, &s.Audience)); err != nil {
		return Session{}, fmt.Errorf("decode session %s: %w", r.ID, err)
	}
	return s, nil
}
