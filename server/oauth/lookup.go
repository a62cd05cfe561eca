package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/claimsmith/claimsmith/jwks"
	"github.com/claimsmith/claimsmith/storage"
)

// ErrUnknownToken is that a text is no token of this issuer that could be valid
// now. Whether it never was or is no longer makes no difference to anyone.
var ErrUnknownToken = errors.New("unknown token")

// The kinds of FoundToken.
const (
	KindAccessToken  = "access_token"
	KindRefreshToken = "refresh_token"
)

// FoundToken is a token that this issuer has issued and that has not expired.
type FoundToken struct {
	Kind     string
	Claims   map[string]json.RawMessage // what introspection tells of it
	ID       string                     // jti; "" for a refresh token
	Session  string                     // sid
	Client   string                     // to whom it was issued
	Subject  string                     // "" if it does not tell: nobody may trade it in
	Audience []string
	Scopes   []string
	Expires  time.Time

	// Shared is that it is signed with a secret that services have too, to verify
	// with: nobody may trade it in, since they could have made it.
	Shared bool

	// Spent is that the token itself is of no use any more, but its session is.
	Spent bool

	answer json.RawMessage // what introspection answers, if it was encoded before
}

// TokenFinder recognises tokens of another spelling. Its error wraps
// ErrUnknownToken if the text is none of those, or one that has expired; any
// other error means that it cannot tell at the moment.
type TokenFinder func(ctx context.Context, token string) (FoundToken, error)

// find returns the token of a text, revoked or not. It is the one place where a
// text becomes a token: what is found here can be introspected, revoked and
// traded in. Its error wraps ErrUnknownToken, or is an *Error.
func (p *Provider) find(ctx context.Context, text string) (FoundToken, error) {
	for _, f := range p.finders {
		t, err := f(ctx, text)
		switch {
		case err == nil:
			return t, nil
		case !errors.Is(err, ErrUnknownToken):
			return t, asError(err)
		}
	}
	return FoundToken{}, ErrUnknownToken
}

// findLive is find for a token that may be used now: it was not revoked, its
// session has not ended, and its client is still there.
func (p *Provider) findLive(ctx context.Context, text string) (FoundToken, error) {
	t, err := p.find(ctx, text)
	if err != nil {
		return t, err
	}
	if t.Spent {
		return t, fmt.Errorf("%w: spent", ErrUnknownToken)
	}
	client, err := p.Clients.Client(ctx, p.Name, t.Client)
	switch {
	case errors.Is(err, storage.ErrNotFound), err == nil && client.Disabled:
		return t, fmt.Errorf("%w: its client is gone or disabled", ErrUnknownToken)
	case err != nil:
		return t, fromStorage(err)
	case t.Kind == KindRefreshToken:
		return t, nil // its session was read with it
	}
	revoked, err := p.Revocations.Revoked(ctx, p.Name, t.ID, t.Session)
	switch {
	case err != nil:
		return t, fromStorage(err)
	case revoked:
		return t, fmt.Errorf("%w: revoked", ErrUnknownToken)
	}
	return t, nil
}

// findAccessToken recognises our own access tokens. One that verified before is
// not verified again, but its key and its end are looked at each time.
func (p *Provider) findAccessToken(ctx context.Context, text string) (FoundToken, error) {
	sum := sha256.Sum256([]byte(text))
	if k := p.known.get(sum); k != nil && p.Verifier.Holds(ctx, k.verified) {
		return k.token, k.token.ended()
	}
	v, err := p.verify(ctx, text)
	if err != nil {
		return FoundToken{}, err
	}
	t, err := p.readAccessToken(v)
	if err == nil {
		t.answer, err = t.introspection()
	}
	if err == nil {
		p.known.keep(sum, &knownToken{t, jwks.Verified{KID: v.KID, Algorithm: v.Algorithm}}, len(text))
	}
	return t, err
}

// readAccessToken reads a token that we have signed.
func (p *Provider) readAccessToken(v jwks.Verified) (FoundToken, error) {
	t := FoundToken{Kind: KindAccessToken}
	if v.Typ != accessTokenType || json.Unmarshal(v.Payload, &t.Claims) != nil {
		return t, fmt.Errorf("%w: not an access token", ErrUnknownToken)
	}
	c, err := decodeAccessClaims(t.Claims)
	if err != nil {
		return t, fmt.Errorf("%w: %w", ErrUnknownToken, err)
	}
	t.ID, t.Session, t.Client, t.Subject, t.Audience = c.ID, c.Session, c.Client, c.Subject, c.Audience
	t.Scopes = strings.Fields(c.Scope)
	t.Expires = time.Unix(c.Expires, 0)
	if c.Issuer != p.Issuer || c.ID == "" {
		return t, fmt.Errorf("%w: another issuer's", ErrUnknownToken)
	}
	return t, t.ended()
}

// ended returns an error that wraps ErrUnknownToken once the token has expired.
func (t *FoundToken) ended() error {
	if !time.Now().Before(t.Expires) {
		return fmt.Errorf("%w: expired", ErrUnknownToken)
	}
	return nil
}

// verify checks a token's signature. A key that another replica has just made
// is known once storage was asked, so "unknown" is an answer only when it was.
func (p *Provider) verify(ctx context.Context, text string) (jwks.Verified, error) {
	v, err := p.Verifier.Verify(ctx, text)
	if errors.Is(err, jwks.ErrUnknownKey) {
		if err := p.Verifier.Reload(ctx); err != nil {
			return v, unavailable(err)
		}
		v, err = p.Verifier.Verify(ctx, text)
	}
	if err != nil {
		return v, fmt.Errorf("%w: %w", ErrUnknownToken, err)
	}
	return v, nil
}

// findRefreshToken recognises refresh tokens of sessions that live.
func (p *Provider) findRefreshToken(ctx context.Context, text string) (FoundToken, error) {
	if !strings.HasPrefix(text, refreshTokenPrefix) {
		return FoundToken{}, ErrUnknownToken
	}
	r, s, err := p.Sessions.RefreshToken(ctx, p.Name, hashToken(text))
	now := time.Now()
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return FoundToken{}, ErrUnknownToken
	case err != nil:
		return FoundToken{}, fromStorage(err)
	case !s.Ended.IsZero() || !now.Before(s.Expires):
		return FoundToken{}, fmt.Errorf("%w: its session has ended", ErrUnknownToken)
	}
	t := FoundToken{
		Kind: KindRefreshToken, Session: s.ID, Client: s.ClientID, Subject: s.Subject,
		Audience: s.Audience, Scopes: s.Scopes, Expires: r.Expires,
		Spent: !r.Used.IsZero() || !now.Before(r.Expires),
	}
	t.Claims, err = members(refreshClaims{
		Issuer: p.Issuer, Subject: s.Subject, Username: s.Username, Audience: s.Audience, Client: s.ClientID,
		Expires: r.Expires.Unix(), Issued: r.Created.Unix(), Session: s.ID, Scope: strings.Join(s.Scopes, " "),
	})
	return t, err
}

// refreshClaims are what introspection tells of a refresh token.
type refreshClaims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Username string   `json:"username,omitempty"`
	Audience audience `json:"aud,omitempty"`
	Client   string   `json:"client_id"`
	Expires  int64    `json:"exp"`
	Issued   int64    `json:"iat"`
	Session  string   `json:"sid"`
	Scope    string   `json:"scope,omitempty"`
}

// members returns a struct as the members of its JSON object.
func members(v any) (m map[string]json.RawMessage, err error) {
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	return m, err
}

// concerns reports whether a client may know of a token: it was issued to the
// client, or it is an access token for an audience that the client is.
func (t *FoundToken) concerns(client *storage.Client) bool {
	if t.Client == client.ID {
		return true
	}
	return t.Kind != KindRefreshToken && slices.ContainsFunc(t.Audience, func(a string) bool {
		return a == client.ID || slices.Contains(client.Audience, a)
	})
}
