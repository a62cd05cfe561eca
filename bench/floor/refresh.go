package floor

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// refresh is the token endpoint for refresh tokens: one read, one transaction
// of the server's three statements, one signature. With a password it begins a
// session instead, which is not measured.
type refresh struct {
	*token
	db *sql.DB
}

func newRefresh(c Config) (http.Handler, error) {
	db, err := openDatabase(c.Database)
	if err != nil {
		return nil, err
	}
	return &refresh{&token{Config: c, signer: newSigner(), secret: sha256.Sum256([]byte(c.Secret))}, db}, nil
}

func (f *refresh) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil || !f.client(r) {
		http.Error(w, "client", http.StatusUnauthorized)
		return
	}
	if r.PostForm.Get("grant_type") == "password" {
		f.begin(w, r)
		return
	}
	f.trade(w, r)
}

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// begin stores a session and its first refresh token.
func (f *refresh) begin(w http.ResponseWriter, r *http.Request) {
	now, id, text := time.Now(), rand.Text(), "crt_"+rand.Text()+rand.Text()
	expires := now.Add(24 * time.Hour).UnixMilli()
	_, err := f.db.ExecContext(r.Context(), `
		insert into sessions (issuer, id, client_id, subject, plugin, identity, scopes, audience, created, expires, ended, end_reason)
		values ('floor', $1, $2, $3, 'compare', $4, '["read","offline_access"]', '["https://api.example.com"]', $5, $6, 0, '')`,
		id, f.Client, f.Username, `{"subject":"`+f.Username+`","username":"`+f.Username+`","plugin":"compare"}`, now.UnixMilli(), expires)
	if err == nil {
		_, err = f.db.ExecContext(r.Context(), insertToken, hashOf(text), id, now.UnixMilli(), expires)
	}
	writeToken(w, "", text, err)
}

const insertToken = `
	insert into refresh_tokens (hash, issuer, session_id, created, expires, used, successor)
	values ($1, 'floor', $2, $3, $4, 0, '') on conflict do nothing`

// trade replaces a refresh token by its successor.
func (f *refresh) trade(w http.ResponseWriter, r *http.Request) {
	old := r.PostForm.Get("refresh_token")
	s, err := f.read(r.Context(), hashOf(old))
	if err != nil {
		http.Error(w, "grant", http.StatusBadRequest)
		return
	}
	access, err := f.signer.sign(f.Config, s.subject, s.id)
	mac := hmac.New(sha256.New, f.secret[:])
	mac.Write([]byte(old))
	next := "crt_" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	if err == nil {
		err = f.rotate(r.Context(), s, hashOf(old), hashOf(next))
	}
	writeToken(w, access, next, err)
}

// session is the row of a session, with that of its refresh token.
type session struct {
	hash, successor, id, client, subject, plugin, identity, scopes, audience, reason string
	tokenCreated, tokenExpires, used, created, expires, ended                        int64
}

func (f *refresh) read(ctx context.Context, hash string) (s session, err error) {
	err = f.db.QueryRowContext(ctx, `
		select t.hash, t.created as token_created, t.expires as token_expires, t.used, t.successor,
			s.id, s.client_id, s.subject, s.plugin, s.identity, s.scopes, s.audience, s.created, s.expires, s.ended, s.end_reason
		from refresh_tokens t join sessions s on s.issuer = t.issuer and s.id = t.session_id
		where t.hash = $1 and t.issuer = 'floor'`, hash).
		Scan(&s.hash, &s.tokenCreated, &s.tokenExpires, &s.used, &s.successor, &s.id, &s.client, &s.subject, &s.plugin,
			&s.identity, &s.scopes, &s.audience, &s.created, &s.expires, &s.ended, &s.reason)
	if err == nil && (s.used != 0 || s.ended != 0 || s.client != f.Client) {
		err = errors.New("not valid")
	}
	return s, err
}

func (f *refresh) rotate(ctx context.Context, s session, old, next string) error {
	tx, err := f.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	now := time.Now()
	for _, step := range []struct {
		statement string
		args      []any
	}{
		{`update sessions set identity = $1, scopes = $2, audience = $3, expires = $4 where issuer = 'floor' and id = $5 and ended = 0`,
			[]any{s.identity, s.scopes, s.audience, s.expires, s.id}},
		{`update refresh_tokens set used = $1, successor = $2 where hash = $3 and issuer = 'floor' and session_id = $4 and used = 0`,
			[]any{now.UnixMilli(), next, old, s.id}},
		{insertToken, []any{next, s.id, now.UnixMilli(), s.expires}},
	} {
		result, err := tx.ExecContext(ctx, step.statement, step.args...)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n != 1 {
			return fmt.Errorf("%d rows: %w", n, err)
		}
	}
	return tx.Commit()
}
