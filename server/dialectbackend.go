package server

import (
	"context"
	"errors"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server/audit"
	"github.com/claimsmith/claimsmith/server/dialect"
	"github.com/claimsmith/claimsmith/server/oauth"
	"github.com/claimsmith/claimsmith/storage"
)

// dialectBackend is an issuer as a dialect sees it.
type dialectBackend struct {
	*Dialect
	p *oauth.Provider
}

// Login implements dialect.Backend.
func (b dialectBackend) Login(ctx context.Context, l dialect.Login, f dialect.Format) (string, error) {
	q := oauth.Request{Grant: oauth.GrantPassword, Credential: l.Credential, Attributes: l.Attributes, Remote: l.Remote}
	if l.Credential.Kind == sdk.APIKey {
		q.Grant = oauth.GrantAPIKey
	}
	token, err := b.exchange(ctx, q, f)
	if err != nil || !l.Refresh {
		return token.Refresh, err
	}
	refresh, err := b.p.StartSession(ctx, b.Client, token)
	if e, ok := errors.AsType[*oauth.Error](err); ok && e.Outcome == audit.NotAllowed {
		return "", nil
	}
	return refresh, refusalOf(err)
}

// Refresh implements dialect.Refresher.
func (b dialectBackend) Refresh(ctx context.Context, refresh sdk.Secret, f dialect.Format) (string, error) {
	token, err := b.exchange(ctx, oauth.Request{Grant: oauth.GrantRefreshToken, RefreshToken: refresh}, f)
	return token.Refresh, err
}

func (b dialectBackend) exchange(ctx context.Context, q oauth.Request, f dialect.Format) (oauth.Token, error) {
	q.Client.ID, q.Client.Method = b.Client, oauth.ClientTrusted
	q.Format = dialectFormat{f}
	token, err := b.p.Exchange(ctx, q)
	return token, refusalOf(err)
}

// StartRefresh implements dialect.Refresher.
func (b dialectBackend) StartRefresh(ctx context.Context, t *dialect.Token) (string, error) {
	id, err := b.Identity(ctx, t)
	if err != nil {
		return "", err
	}
	refresh, err := b.p.StartSession(ctx, b.Client, oauth.Token{Session: t.Session, Expires: t.Expires, Identity: id})
	return refresh, refusalOf(err)
}

// EndRefresh implements dialect.Refresher.
func (b dialectBackend) EndRefresh(ctx context.Context, refresh sdk.Secret) error {
	return refusalOf(b.p.EndSession(ctx, b.Client, refresh))
}

// Identity implements dialect.Tokens: it asks who the subject is, and then
// whether that identity may still log in.
func (b dialectBackend) Identity(ctx context.Context, t *dialect.Token) (sdk.Identity, error) {
	name := t.Subject
	if name == "" {
		name = t.Username
	}
	id, err := b.People.Lookup(ctx, name)
	if err == nil && (t.Subject != "" && id.Subject != t.Subject || t.Organisation != "" && id.Organisation != t.Organisation) {
		err = sdk.ErrUnknown // somebody else who has that name
	}
	if err == nil {
		if t.Unit != "" {
			id.Unit = t.Unit
		}
		id, err = b.p.Chain.Refresh(ctx, id)
	}
	unavailable := errors.Is(err, sdk.ErrUnavailable)
	switch {
	case err == nil:
		return id, nil
	case !unavailable && (errors.Is(err, sdk.ErrUnknown) || errors.Is(err, sdk.ErrDenied)):
		return id, &dialect.Refusal{Outcome: dialect.Unauthenticated, Reason: "the identity no longer holds", Err: err}
	}
	return id, &dialect.Refusal{Outcome: dialect.Unavailable, RetryAfter: time.Second, Err: err}
}

// Revoked implements dialect.Tokens.
func (b dialectBackend) Revoked(ctx context.Context, t *dialect.Token) (bool, error) {
	revoked, err := b.p.Revocations.Revoked(ctx, b.p.Name, t.ID, t.Session)
	return revoked, refusalOfStorage(err)
}

// Revoke implements dialect.Tokens. A session that has a refresh token is a row, which
// is ended; of any other the tokens alone are left. A token cannot be of another
// client's session, whatever it says: services that have the secret may write it.
func (b dialectBackend) Revoke(ctx context.Context, t *dialect.Token) error {
	s, err := b.p.Sessions.Session(ctx, b.p.Name, t.Session)
	switch {
	case err == nil && s.ClientID != b.Client:
		return nil
	case err == nil:
		err = b.p.Sessions.EndSession(ctx, b.p.Name, s.ID, "logged out", time.Now())
	case errors.Is(err, storage.ErrNotFound):
		err = nil
	}
	if err != nil {
		return refusalOfStorage(err)
	}
	r := storage.Revocation{Issuer: b.p.Name, Kind: storage.KindSession, Value: t.Session, Expires: t.Expires}
	return refusalOfStorage(b.p.Revocations.Revoke(ctx, r))
}

// dialectFormat is a dialect's way to make tokens, as an exchange takes it.
type dialectFormat struct{ f dialect.Format }

// Lifetime implements oauth.Format.
func (d dialectFormat) Lifetime() time.Duration { return d.f.Lifetime }

// Encode implements oauth.Format.
func (d dialectFormat) Encode(ctx context.Context, client *storage.Client, t *oauth.Token, renewed bool) error {
	draft := &dialect.Draft{
		ClientID: client.ID, ClientName: client.Name,
		ID: t.ID, Session: t.Session, Renewed: renewed, Scopes: t.Scopes, Audience: t.Audience,
		Issued: t.Issued, Expires: t.Expires, Identity: t.Identity,
	}
	if err := d.f.Encode(ctx, draft); err != nil {
		return err
	}
	t.Access, t.ID, t.Session, t.Identity = draft.Text, draft.ID, draft.Session, draft.Identity
	return nil
}

// refusalOf translates what the provider answers. A dialect may tell its
// callers more than OAuth does, so the reason goes with it.
func refusalOf(err error) error {
	if err == nil {
		return nil
	}
	if r, ok := errors.AsType[*dialect.Refusal](err); ok {
		return r
	}
	e, ok := errors.AsType[*oauth.Error](err)
	if !ok {
		return err
	}
	r := &dialect.Refusal{Outcome: dialect.Internal, RetryAfter: e.RetryAfter, Audit: e.Outcome, Reason: string(e.Reason), Err: e}
	switch {
	case e.Outcome == audit.Throttled:
		r.Outcome = dialect.Throttled
	case e.Outcome == audit.Unavailable:
		r.Outcome = dialect.Unavailable
	case e.Outcome == audit.NotAllowed, e.Code == "invalid_client":
		r.Outcome = dialect.NotAllowed // the operator has not allowed it, or no longer
	case e.Outcome == audit.Malformed:
		r.Outcome = dialect.Malformed
	case e.Code == "invalid_grant":
		r.Outcome = deniedFor(e.Reason)
	}
	return r
}

func deniedFor(reason sdk.Reason) dialect.Outcome {
	switch reason {
	case sdk.Locked:
		return dialect.Locked
	case sdk.Disabled:
		return dialect.Disabled
	case sdk.Expired:
		return dialect.Expired
	case sdk.MustChange:
		return dialect.MustChange
	}
	return dialect.Denied
}

func refusalOfStorage(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, storage.ErrUnavailable), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &dialect.Refusal{Outcome: dialect.Unavailable, RetryAfter: time.Second, Err: err}
	}
	return err
}
