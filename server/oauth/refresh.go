package oauth

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server/audit"
	"github.com/claimsmith/claimsmith/storage"
)

const refreshTokenPrefix = "crt_"

func newRefreshToken() string {
	b := make([]byte, 32)
	rand.Read(b)
	return refreshTokenPrefix + base64.RawURLEncoding.EncodeToString(b)
}

// successorOf derives the refresh token that replaces token. Whoever replays
// token gets the same one, so callers who race hold one session together.
func (p *Provider) successorOf(token string) string {
	mac := hmac.New(sha256.New, p.RefreshKey)
	mac.Write([]byte(token))
	return refreshTokenPrefix + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// hashToken is how storage knows a refresh token.
func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// proveRefreshToken proves the identity of the session that a refresh token
// belongs to (RFC 6749 section 6): the plugin that knew it is asked again.
func (p *Provider) proveRefreshToken(ctx context.Context, x *exchange) error {
	if err := p.loadSession(ctx, x); err != nil {
		return err
	}
	if err := json.Unmarshal(x.session.Identity, &x.identity); err != nil {
		return internal(fmt.Errorf("decode identity of session %s: %w", x.session.ID, err))
	}
	x.sessionID = x.session.ID
	switch {
	case x.spent.Used.IsZero():
		if err := p.confirm(ctx, x); err != nil {
			return err
		}
	case x.isOver(x.identity):
		return invalidGrant("the refresh token is not valid", sdk.Denied(sdk.Expired))
	}
	audience := common(x.session.Audience, p.audienceOf(x))
	if len(audience) == 0 {
		return invalidGrant("the refresh token is not valid", errors.New("the client may ask for no audience of the session any more"))
	}
	return p.target(x, common(x.session.Scopes, x.client.Scopes), audience)
}

// loadSession finds the session of the exchange's refresh token.
func (p *Provider) loadSession(ctx context.Context, x *exchange) error {
	invalid := func(cause string) error {
		return invalidGrant("the refresh token is not valid", errors.New(cause))
	}
	token, session, err := p.Sessions.RefreshToken(ctx, p.Name, hashToken(x.request.RefreshToken.Reveal()))
	if errors.Is(err, storage.ErrNotFound) {
		return invalid("unknown refresh token")
	}
	if err != nil {
		return fromStorage(err)
	}
	event := audit.FromContext(ctx)
	event.Session, event.Subject, event.Plugin = session.ID, session.Subject, session.Plugin
	switch {
	case session.ClientID != x.client.ID:
		return invalid("the refresh token is another client's")
	case !session.Ended.IsZero():
		return invalid("the session has ended: " + session.EndReason)
	case !x.now.Before(session.Expires):
		return invalid("the session has expired")
	case !token.Used.IsZero():
		if err := p.checkReplay(ctx, token, session, x.now); err != nil {
			return err
		}
		event.Outcome = audit.Replayed
	case !x.now.Before(token.Expires):
		return invalid("the refresh token has expired")
	}
	x.spent, x.session = &token, session
	return nil
}

// checkReplay judges a refresh token that was traded in before. Within the
// grace period, which no outage uses up, and as long as its successor was not
// used, it is an honest caller who missed the answer or raced with himself.
// After that two parties hold the session: it ends (RFC 9700 section 4.14.2).
func (p *Provider) checkReplay(ctx context.Context, t storage.RefreshToken, s storage.Session, now time.Time) error {
	if now.Before(p.outages.answerable(t.Used).Add(p.RefreshGrace)) {
		next, _, err := p.Sessions.RefreshToken(ctx, p.Name, t.Successor)
		if err == nil && next.Used.IsZero() {
			return nil
		}
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return fromStorage(err)
		}
	}
	if err := p.Sessions.EndSession(ctx, p.Name, s.ID, "refresh token reused", now); err != nil {
		return fromStorage(err)
	}
	e := invalidGrant("the refresh token is not valid", errors.New("refresh token reused: the session was ended"))
	e.Outcome = audit.Reused
	return e
}

// confirm asks the plugin whether the identity still holds. While the plugin
// cannot tell, what it said last counts for as long as it said, and the client's
// policy says.
func (p *Provider) confirm(ctx context.Context, x *exchange) error {
	id, err := p.refreshIdentity(ctx, x.identity)
	if err == nil && x.isOver(id) {
		err = fmt.Errorf("the plugin vouches until %s: %w", id.Expires.Format(time.RFC3339), sdk.Denied(sdk.Expired))
	}
	switch {
	case err == nil:
		x.identity, x.session.Confirmed = id, x.now
		return nil
	case !unclear(err):
	case x.now.Before(x.session.Confirmed.Add(x.client.RefreshOutage)) && !x.isOver(x.identity):
		event := audit.FromContext(ctx)
		event.Reason, event.Err = "the plugin is down: what it said last counts", err
		return nil
	}
	return p.refreshDenied(ctx, x, err)
}

func (p *Provider) refreshIdentity(ctx context.Context, known sdk.Identity) (sdk.Identity, error) {
	if p.Chain == nil {
		return known, fmt.Errorf("the issuer has no plugins: %w", sdk.Denied(sdk.Disabled))
	}
	id, err := p.Chain.Refresh(ctx, known)
	if err == nil && id.Subject != known.Subject {
		return id, fmt.Errorf("the plugin answered for another subject: %w", sdk.Denied(sdk.Invalid))
	}
	return id, err
}

// refreshDenied answers for a plugin that does not vouch for the identity any
// more. An outage leaves session and token as they are.
func (p *Provider) refreshDenied(ctx context.Context, x *exchange, cause error) error {
	if unclear(cause) {
		return unavailable(cause)
	}
	if err := p.Sessions.EndSession(ctx, p.Name, x.session.ID, "the identity no longer holds", x.now); err != nil {
		return fromStorage(err)
	}
	return invalidGrant("the refresh token is not valid", cause)
}

// sessionEnd is when a session ends that begins now.
func (p *Provider) sessionEnd(x *exchange) time.Time {
	return earliest(x.now.Add(cmp.Or(x.client.RefreshAbsolute, p.RefreshAbsolute)), x.identity.Expires)
}

// startSession stores a session with its first refresh token.
func (p *Provider) startSession(ctx context.Context, x *exchange) (string, error) {
	identity, err := json.Marshal(x.identity)
	if err != nil {
		return "", internal(fmt.Errorf("encode identity: %w", err))
	}
	token := newRefreshToken()
	err = p.Sessions.CreateSession(ctx,
		storage.Session{
			ID: x.sessionID, Issuer: p.Name, ClientID: x.client.ID,
			Subject: x.identity.Subject, Username: x.identity.Username, Plugin: x.identity.Plugin, Identity: identity,
			Scopes: x.scopes, Audience: x.audience, Created: x.now, Expires: x.session.Expires, Confirmed: x.now,
		},
		storage.RefreshToken{
			Hash: hashToken(token), SessionID: x.sessionID,
			Created: x.now, Expires: p.idleEnd(x, x.session.Expires),
		})
	if err != nil {
		return "", fromStorage(err)
	}
	return token, nil
}

// rotate trades the spent refresh token for its successor. Of callers who race
// one writes; the others find what it wrote and hand out the same.
func (p *Provider) rotate(ctx context.Context, x *exchange) (string, error) {
	next := p.successorOf(x.request.RefreshToken.Reveal())
	if !x.spent.Used.IsZero() {
		if x.spent.Successor != hashToken(next) {
			return "", invalidGrant("the refresh token is not valid", errors.New("its successor was derived under another key"))
		}
		return next, nil
	}
	identity, err := json.Marshal(x.identity)
	if err != nil {
		return "", internal(fmt.Errorf("encode identity: %w", err))
	}
	x.session.Identity, x.session.Username = identity, x.identity.Username
	err = p.Sessions.RotateRefreshToken(ctx, p.Name, x.spent.Hash,
		storage.RefreshToken{
			Hash: hashToken(next), SessionID: x.session.ID,
			Created: x.now, Expires: p.idleEnd(x, x.session.Expires),
		}, x.session, time.Now().Truncate(time.Millisecond))
	if errors.Is(err, storage.ErrConflict) {
		return p.rotated(ctx, x)
	}
	if err != nil {
		return "", fromStorage(err)
	}
	return next, nil
}

// rotated reads what the caller who won the race has written.
func (p *Provider) rotated(ctx context.Context, x *exchange) (string, error) {
	if err := p.loadSession(ctx, x); err != nil {
		return "", err
	}
	if x.spent.Used.IsZero() {
		return "", unavailable(errors.New("rotate refresh token: a conflict with nobody"))
	}
	return p.rotate(ctx, x)
}

// idleEnd is when a refresh token that is not used ends: with its session at
// the latest.
func (p *Provider) idleEnd(x *exchange, end time.Time) time.Time {
	return earliest(x.now.Add(cmp.Or(x.client.RefreshIdle, p.RefreshIdle)), end)
}

// earliest returns the earlier of two times; the zero time is never.
func earliest(a, b time.Time) time.Time {
	if b.IsZero() || (!a.IsZero() && a.Before(b)) {
		return a
	}
	return b
}
