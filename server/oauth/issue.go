package oauth

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
)

// newID returns an id of 130 random bits, for a session or a token.
func newID() string { return rand.Text() }

// issue makes the access token and, where the client may have one, the refresh
// token. It signs before it stores: a fault leaves the old refresh token valid.
func (p *Provider) issue(ctx context.Context, x *exchange) error {
	if x.spent == nil && p.refreshable(x) {
		x.session.Expires = p.sessionEnd(x)
	}
	x.token = Token{
		ID:       newID(),
		Session:  x.sessionID,
		Scopes:   x.scopes,
		Audience: x.audience,
		Issued:   x.now,
		Expires:  p.expiry(x),
		Identity: x.identity,
		Type:     x.token.Type,
	}
	err := p.sign(ctx, x)
	switch {
	case err != nil:
	case x.spent != nil:
		x.token.Refresh, err = p.rotate(ctx, x)
	case p.refreshable(x):
		x.token.Refresh, err = p.startSession(ctx, x)
	}
	return err
}

// refreshable reports whether a first refresh token is to be issued.
func (p *Provider) refreshable(x *exchange) bool {
	return slices.Contains(x.scopes, ScopeOfflineAccess) && slices.Contains(x.client.Grants, GrantRefreshToken)
}

// expiry is when the access token ends: no later than what it came of. An end of the
// session, which revokes it, is known for as long as that lives.
func (p *Provider) expiry(x *exchange) time.Time {
	end := earliest(x.now.Add(p.lifetime(x)), x.identity.Expires)
	return earliest(end, x.session.Expires)
}

const accessTokenType = "at+jwt" // RFC 9068 section 2.1

// accessClaims are the claims of RFC 9068 section 2.2, which no shape touches.
type accessClaims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience audience `json:"aud"`
	Client   string   `json:"client_id"`
	Expires  int64    `json:"exp"`
	Issued   int64    `json:"iat"`
	ID       string   `json:"jti"`
	Session  string   `json:"sid"`
	Scope    string   `json:"scope,omitempty"`

	Actor json.RawMessage `json:"act,omitempty"` // RFC 8693 section 4.1
}

// decodeAccessClaims reads the claims of a token by their exact names. A struct
// would take a shaped claim "Exp" for exp.
func decodeAccessClaims(claims map[string]json.RawMessage) (c accessClaims, err error) {
	for name, into := range map[string]any{
		"iss": &c.Issuer, "sub": &c.Subject, "aud": &c.Audience, "client_id": &c.Client,
		"exp": &c.Expires, "jti": &c.ID, "sid": &c.Session, "scope": &c.Scope,
	} {
		if raw, ok := claims[name]; ok {
			err = errors.Join(err, json.Unmarshal(raw, into))
		}
	}
	return c, err
}

// audience is a string where it is one, else an array (RFC 7519 section 4.1.3).
type audience []string

func (a audience) MarshalJSON() ([]byte, error) {
	if len(a) == 1 {
		return json.Marshal(a[0])
	}
	return json.Marshal([]string(a))
}

func (a *audience) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '"' {
		*a = make(audience, 1)
		return json.Unmarshal(text, &(*a)[0])
	}
	return json.Unmarshal(text, (*[]string)(a))
}

// encodeClaims returns the token's payload: the standard claims, then those
// that the issuer and the client shape.
func (p *Provider) encodeClaims(x *exchange) ([]byte, error) {
	claims := accessClaims{
		Issuer:   p.Issuer,
		Subject:  x.identity.Subject,
		Audience: x.token.Audience,
		Client:   x.client.ID,
		Expires:  x.token.Expires.Unix(),
		Issued:   x.token.Issued.Unix(),
		ID:       x.token.ID,
		Session:  x.token.Session,
		Scope:    strings.Join(x.token.Scopes, " "),
		Actor:    x.actor,
	}
	return p.appendClaims(claims.appendJSON(make([]byte, 0, 384)), x)
}
