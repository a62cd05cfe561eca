package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/claimsmith/claimsmith/jwks"
	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server/dialect"
	"github.com/claimsmith/claimsmith/server/oauth"
	"github.com/claimsmith/claimsmith/storage"
)

// DialectConfig is a dialect over a client of an issuer.
type DialectConfig struct {
	dialect.Config          // Keys is set from Ring
	Client         string   // whose grants, scopes, audience and lifetime apply
	Audience       []string // the issuer's, for a client that has none

	Ring    DialectKeys
	Clients oauth.Clients
	People  sdk.Lookuper // the chain
	Usage   *dialect.Usage
}

// DialectKeys signs and verifies with an issuer's key pairs; the ring of jwks does.
type DialectKeys interface {
	oauth.Signer
	Verify(ctx context.Context, token string) (jwks.Verified, error)
}

// Dialect is a vendor's login API in front of an issuer: another spelling of
// the token endpoint.
type Dialect struct {
	DialectConfig
	api *dialect.API
}

// NewDialect returns a Dialect. The error says which setting does not fit it.
func NewDialect(c DialectConfig) (*Dialect, error) {
	c.Keys = ringKeys{c.Ring}
	api, err := dialect.New(c.Config)
	if err != nil {
		return nil, err
	}
	return &Dialect{c, api}, nil
}

// Over returns the dialect's endpoint over the issuer's provider.
func (d *Dialect) Over(p *oauth.Provider) *dialect.Endpoint {
	return &dialect.Endpoint{API: d.api, Backend: dialectBackend{d, p}, Usage: d.Usage}
}

// FindToken is the oauth.TokenFinder for the dialect's tokens. Introspection
// tells their claims, and the registered ones as RFC 7662 has them.
func (d *Dialect) FindToken(ctx context.Context, text string) (oauth.FoundToken, error) {
	t, err := d.api.Read(ctx, text)
	switch {
	case errors.Is(err, dialect.ErrInvalid):
		return oauth.FoundToken{}, fmt.Errorf("%w: %w", oauth.ErrUnknownToken, err)
	case err != nil:
		return oauth.FoundToken{}, err
	case !t.Valid(time.Now()):
		return oauth.FoundToken{}, fmt.Errorf("%w: expired", oauth.ErrUnknownToken)
	}
	found := oauth.FoundToken{
		Kind: oauth.KindAccessToken, ID: t.ID, Session: t.Session, Client: d.Client, Subject: t.Subject, Expires: t.Expires,
		Scopes: scopesOf(t), Shared: dialect.IsHMAC(d.api.SignsWith()),
	}
	client, err := d.Clients.Client(ctx, d.IssuerName, d.Client)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return found, err
	}
	if err == nil {
		found.Audience = client.Audience[:min(1, len(client.Audience))]
	}
	if len(found.Audience) == 0 {
		found.Audience = d.Audience[:min(1, len(d.Audience))]
	}
	found.Claims, err = d.introspection(t)
	return found, err
}

// scopesOf are the scopes of a token that tells them as RFC 9068 section 2.2.3
// does. Of any other nobody knows what its credential allowed: it has none.
func scopesOf(t *dialect.Token) []string {
	scope, _ := t.Claims["scope"].(string)
	return strings.Fields(scope)
}

// introspection is what is told of a token: the server's word over its claims.
func (d *Dialect) introspection(t *dialect.Token) (map[string]json.RawMessage, error) {
	told := map[string]any{}
	for name, value := range t.Claims {
		told[name] = value
	}
	for name, value := range map[string]any{
		"iss": d.Issuer, "client_id": d.Client, "jti": t.ID, "sid": t.Session, "exp": t.Expires.Unix(),
		"iat": t.Issued.Unix(), "nbf": t.NotBefore.Unix(), "sub": t.Subject, "username": t.Username,
	} {
		told[name] = value
	}
	for name, absent := range map[string]bool{
		"iat": t.Issued.IsZero(), "nbf": t.NotBefore.IsZero(), "sub": t.Subject == "", "username": t.Username == "",
	} {
		if absent {
			delete(told, name)
		}
	}
	claims := make(map[string]json.RawMessage, len(told))
	for name, value := range told {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("tell claim %s: %w", name, err)
		}
		claims[name] = text
	}
	return claims, nil
}

// ringKeys are an issuer's keys as a dialect takes them.
type ringKeys struct{ DialectKeys }

// Verify implements dialect.Keys.
func (k ringKeys) Verify(ctx context.Context, token string) (header, payload json.RawMessage, err error) {
	v, err := k.DialectKeys.Verify(ctx, token)
	return v.Header, v.Payload, err
}
