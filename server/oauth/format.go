package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server/audit"
	"github.com/claimsmith/claimsmith/storage"
)

// Format makes access tokens that are no RFC 9068 JWTs: a dialect's. All else of
// an exchange is as for any other token.
type Format interface {
	// Lifetime is how long its tokens live, 0 as long as the client's do. No
	// token outlives Config.LongestLifetime.
	Lifetime() time.Duration
	// Encode sets Access of a token that is complete otherwise. It may replace
	// ID, Session unless renewed says that it exists, and Identity by a
	// narrower one. An error that is no *Error is the server's fault.
	Encode(ctx context.Context, client *storage.Client, t *Token, renewed bool) error
}

// sign sets the exchange's access token.
func (p *Provider) sign(ctx context.Context, x *exchange) error {
	if f := x.request.Format; f != nil {
		renewed := x.spent != nil
		if err := f.Encode(ctx, x.client, &x.token, renewed); err != nil {
			return asError(err)
		}
		if !renewed {
			x.sessionID = x.token.Session
		}
		x.identity = x.token.Identity
		return nil
	}
	claims, err := p.encodeClaims(x)
	if err != nil {
		return internal(err)
	}
	if x.token.Access, err = p.Signer.Sign(ctx, x.client.Algorithm, accessTokenType, claims); err != nil {
		return asError(fmt.Errorf("sign access token: %w", err))
	}
	return nil
}

// lifetime is how long the exchange's access token lives, unless what it comes
// of ends before.
func (p *Provider) lifetime(x *exchange) time.Duration {
	lifetime := p.AccessTokenLifetime
	if x.client.AccessTokenLifetime > 0 {
		lifetime = x.client.AccessTokenLifetime
	}
	if f := x.request.Format; f != nil && f.Lifetime() > 0 {
		lifetime = f.Lifetime()
	}
	return min(lifetime, p.LongestLifetime)
}

// StartSession stores the session of a token that was issued without a refresh
// token, and returns its first one. The session lives no shorter than the token, of
// which it needs Session, Expires and Identity. A session has one only once: asked
// again the error has the code invalid_grant.
func (p *Provider) StartSession(ctx context.Context, clientID string, t Token) (refresh string, err error) {
	client, err := p.trusted(ctx, clientID)
	if err != nil {
		return "", err
	}
	if !slices.Contains(client.Grants, GrantRefreshToken) {
		return "", refuse(http.StatusBadRequest, "unauthorized_client", audit.NotAllowed, "the client may not use this grant type")
	}
	x := &exchange{client: client, now: time.Now().Truncate(time.Millisecond), identity: t.Identity, sessionID: t.Session}
	if err := p.target(x, client.Scopes, p.audienceOf(x)); err != nil {
		return "", err
	}
	if err := p.bound(x); err != nil {
		return "", err
	}
	if x.session.Expires = p.sessionEnd(x); t.Expires.After(x.session.Expires) {
		x.session.Expires = t.Expires
	}
	refresh, err = p.startSession(ctx, x)
	if errors.Is(err, storage.ErrExists) {
		return "", invalidGrant("the session has a refresh token", err)
	}
	return refresh, err
}

// EndSession ends the session of a client's refresh token. For one that is
// unknown, or of which nothing is left, the error has the code invalid_grant.
func (p *Provider) EndSession(ctx context.Context, clientID string, refresh sdk.Secret) error {
	client, err := p.trusted(ctx, clientID)
	if err != nil {
		return err
	}
	x := &exchange{client: client, now: time.Now().Truncate(time.Millisecond)}
	x.request.RefreshToken = refresh
	if err := p.loadSession(ctx, x); err != nil {
		return asError(err)
	}
	if err := p.Sessions.EndSession(ctx, p.Name, x.session.ID, "ended by its client", x.now); err != nil {
		return fromStorage(err)
	}
	return nil
}

// trusted returns the client that the server itself speaks for.
func (p *Provider) trusted(ctx context.Context, id string) (*storage.Client, error) {
	client, err := p.authenticateClient(ctx, ClientCredential{ID: id, Method: ClientTrusted})
	if err == nil {
		audit.FromContext(ctx).Client = client.ID
	}
	return client, err
}
