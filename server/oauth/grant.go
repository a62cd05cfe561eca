package oauth

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/ory/fosite"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server/audit"
)

// grant is one grant type as a fosite handler. What differs from one grant to
// the next is prove alone: it finds the exchange's identity and session.
type grant struct {
	p     *Provider
	name  string
	prove func(ctx context.Context, x *exchange) error
}

// CanSkipClientAuth implements fosite.TokenEndpointHandler: no grant is for a
// caller that is no client.
func (g *grant) CanSkipClientAuth(context.Context, fosite.AccessRequester) bool { return false }

// CanHandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (g *grant) CanHandleTokenEndpointRequest(_ context.Context, r fosite.AccessRequester) bool {
	return r.GetGrantTypes().ExactOne(g.name)
}

// HandleTokenEndpointRequest implements fosite.TokenEndpointHandler: what the
// client may ask for is checked before anyone is asked about a credential, and
// what the identity allows after.
func (g *grant) HandleTokenEndpointRequest(ctx context.Context, r fosite.AccessRequester) error {
	x := r.GetSession().(*exchange)
	if !slices.Contains(x.client.Grants, g.name) {
		return refuse(http.StatusBadRequest, "unauthorized_client", audit.NotAllowed, "the client may not use this grant type")
	}
	if err := g.p.target(x, x.client.Scopes, g.p.audienceOf(x)); err != nil {
		return err
	}
	if err := g.prove(ctx, x); err != nil {
		return err
	}
	return g.p.bound(x)
}

// PopulateTokenEndpointResponse implements fosite.TokenEndpointHandler.
func (g *grant) PopulateTokenEndpointResponse(ctx context.Context, r fosite.AccessRequester, resp fosite.AccessResponder) error {
	if !r.GetGrantTypes().ExactOne(g.name) {
		return fosite.ErrUnknownRequest
	}
	x := r.GetSession().(*exchange)
	if err := g.p.issue(ctx, x); err != nil {
		return err
	}
	resp.SetAccessToken(x.token.Access)
	resp.SetTokenType("Bearer")
	return nil
}

// proveClient proves the client itself (RFC 6749 section 4.4); its subject is
// its id (RFC 9068 section 2.2).
func (p *Provider) proveClient(_ context.Context, x *exchange) error {
	if x.client.Public() && x.request.Client.Method != ClientTrusted {
		return refuse(http.StatusBadRequest, "unauthorized_client", audit.NotAllowed, "a public client cannot use client credentials")
	}
	if slices.Contains(x.scopes, ScopeOfflineAccess) {
		return invalidScope("client credentials get no refresh token") // RFC 6749 section 4.4.3
	}
	x.identity = sdk.Identity{Subject: x.client.ID}
	x.sessionID = newID()
	return nil
}

// proveCredential asks the chain for the identity that a password (RFC 6749
// section 4.3) or an API key proves.
func (p *Provider) proveCredential(ctx context.Context, x *exchange) error {
	event := audit.FromContext(ctx)
	id, err := p.Chain.Authenticate(ctx, sdk.Request{
		Credential: x.request.Credential,
		Issuer:     p.Issuer,
		ClientID:   x.client.ID,
		Attributes: x.request.Attributes,
		Remote:     x.request.Remote,
	})
	if _, throttled := errors.AsType[throttledError](err); !throttled && !errors.Is(err, sdk.ErrUnknown) {
		// What nobody knows as a name may be a password in the wrong field.
		event.Username = x.request.Credential.Username
	}
	if err != nil {
		return denied(err)
	}
	if x.isOver(id) {
		return invalidGrant("the credential is not valid", sdk.Denied(sdk.Expired))
	}
	if err := x.isPerson(id); err != nil {
		return err
	}
	x.identity = id
	x.sessionID = newID()
	return nil
}

// isOver reports whether an identity held only until now.
func (x *exchange) isOver(id sdk.Identity) bool {
	return !id.Expires.IsZero() && !id.Expires.After(x.now)
}

// isPerson refuses an identity whose tokens would read as those of the client
// itself (RFC 9700 section 4.15).
func (x *exchange) isPerson(id sdk.Identity) error {
	if id.Subject == x.client.ID {
		return invalidGrant("the credential is not valid", errors.New("the identity's subject is the id of the client"))
	}
	return nil
}
