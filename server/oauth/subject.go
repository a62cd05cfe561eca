package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server/audit"
	"github.com/claimsmith/claimsmith/storage"
)

// The types of token that an exchange knows (RFC 8693 section 3).
const (
	tokenTypeAccess = "urn:ietf:params:oauth:token-type:access_token"
	tokenTypeJWT    = "urn:ietf:params:oauth:token-type:jwt" // our access tokens are JWTs
	tokenTypeAPIKey = "urn:claimsmith:params:oauth:token-type:api-key"
)

// parseExchange reads the parameters of a token exchange (RFC 8693 section 2.1).
func (q *Request) parseExchange(form url.Values) *Error {
	if wanted := form.Get("requested_token_type"); wanted != "" && wanted != tokenTypeAccess {
		return invalidRequest("requested_token_type must be " + tokenTypeAccess)
	}
	subject, actor := form.Get("subject_token"), form.Get("actor_token")
	switch {
	case subject == "":
		return invalidRequest("subject_token is missing")
	case max(len(subject), len(actor)) > maxSecret:
		return invalidRequest("subject_token or actor_token is too long")
	case (actor == "") != (form.Get("actor_token_type") == ""):
		return invalidRequest("actor_token and actor_token_type come together or not at all")
	case actor != "" && !isAccessTokenType(form.Get("actor_token_type")):
		return invalidRequest("actor_token_type must be " + tokenTypeAccess)
	}
	switch kind := form.Get("subject_token_type"); {
	case kind == "":
		return invalidRequest("subject_token_type is missing")
	case kind == tokenTypeAPIKey && actor != "":
		return invalidRequest("nobody can act for an API key")
	case kind == tokenTypeAPIKey:
		q.Credential = sdk.Credential{Kind: sdk.APIKey, Secret: sdk.Secret(subject)}
		q.parseAttributes(form)
	case isAccessTokenType(kind):
		q.Subject, q.Actor = sdk.Secret(subject), sdk.Secret(actor)
	default:
		return unknownSubjectType()
	}
	return nil
}

func unknownSubjectType() *Error {
	return invalidRequest("this server exchanges no token of that subject_token_type")
}

func isAccessTokenType(kind string) bool { return kind == tokenTypeAccess || kind == tokenTypeJWT }

// proveSubject proves the identity behind the token that is traded in (RFC 8693
// section 2): an API key's by the chain, or that of an access token of ours.
func (p *Provider) proveSubject(ctx context.Context, x *exchange) error {
	x.token.Type = tokenTypeAccess
	switch {
	case x.request.Subject != "":
		return p.proveAccessToken(ctx, x)
	case p.Chain == nil:
		return unknownSubjectType()
	}
	err := p.proveCredential(ctx, x)
	if e, ok := errors.AsType[*Error](err); ok && e.Code == "invalid_grant" {
		e.Code = "invalid_request" // section 2.2.2
	}
	return err
}

// proveAccessToken trades an access token for one that says less: the same
// subject and claims, no more scopes, no longer, for an audience that the
// client's policy names. Its session stays the same, so they end together.
func (p *Provider) proveAccessToken(ctx context.Context, x *exchange) error {
	switch {
	case x.client.Public() || len(x.client.Exchange) == 0:
		return refuse(http.StatusBadRequest, "unauthorized_client", audit.NotAllowed, "the client may not exchange access tokens")
	case slices.Contains(x.scopes, ScopeOfflineAccess):
		return invalidScope("a token exchange gets no refresh token")
	}
	subject, err := p.traded(ctx, x, "subject_token", x.request.Subject)
	if err != nil {
		return err
	}
	if subject.Subject == x.client.ID && subject.Client != x.client.ID {
		// The new token would read as the client's own (RFC 9700 section 4.15).
		return refuse(http.StatusBadRequest, "invalid_request", audit.NotAllowed, "the token's subject is the id of the client")
	}
	x.identity = sdk.Identity{Subject: subject.Subject, Scopes: notNil(subject.Scopes), Expires: subject.Expires}
	x.sessionID = subject.Session
	x.actor = subject.Claims["act"]
	x.carried = maps.Clone(subject.Claims)
	maps.DeleteFunc(x.carried, func(name string, _ json.RawMessage) bool { return slices.Contains(reservedClaims, name) })
	if x.request.Actor == "" {
		return subject.checkActor(p.claimsOfClient(x.client))
	}
	actor, err := p.traded(ctx, x, "actor_token", x.request.Actor)
	if err == nil {
		err = subject.checkActor(actor.Claims)
	}
	if err != nil {
		return err
	}
	x.identity.Expires = earliest(x.identity.Expires, actor.Expires)
	x.actor, err = json.Marshal(struct {
		Subject string          `json:"sub"`
		Client  string          `json:"client_id"`
		Prior   json.RawMessage `json:"act,omitempty"` // who acted before (RFC 8693 section 4.1)
	}{actor.Subject, actor.Client, x.actor})
	return err
}

// traded returns the access token of a parameter, if it may be traded in by the
// exchange's client.
func (p *Provider) traded(ctx context.Context, x *exchange, parameter string, text sdk.Secret) (FoundToken, error) {
	t, err := p.findLive(ctx, text.Reveal())
	switch {
	case err == nil && t.Kind != KindAccessToken:
		err = fmt.Errorf("%w: not an access token", ErrUnknownToken)
	case err == nil && t.Subject == "":
		err = fmt.Errorf("%w: it names no subject", ErrUnknownToken) // a dialect's may not
	case err == nil && !t.concerns(x.client):
		err = fmt.Errorf("%w: it is neither for nor from the client", ErrUnknownToken)
	case err == nil && t.Shared:
		err = fmt.Errorf("%w: whoever verifies it could have made it", ErrUnknownToken)
	}
	if errors.Is(err, ErrUnknownToken) {
		e := refuse(http.StatusBadRequest, "invalid_request", audit.Denied, parameter+" is not valid") // RFC 8693 section 2.2.2
		e.Err = err
		return t, e
	}
	return t, err
}

// claimsOfClient are what says who a client is that acts itself.
func (p *Provider) claimsOfClient(c *storage.Client) map[string]json.RawMessage {
	quoted := func(text string) json.RawMessage { return appendString(nil, text) }
	return map[string]json.RawMessage{"iss": quoted(p.Issuer), "sub": quoted(c.ID), "client_id": quoted(c.ID)}
}

// checkActor refuses an actor that the token does not let act for its subject. An
// exchange without an actor_token hides who acts: the client does.
func (t *FoundToken) checkActor(actor map[string]json.RawMessage) error {
	if !t.mayAct(actor) {
		return refuse(http.StatusBadRequest, "invalid_request", audit.NotAllowed, "the actor may not act for the subject")
	}
	return nil
}

// mayAct reports whether a token lets somebody with such claims act for its subject:
// one that says in may_act who may (RFC 8693 section 4.4) lets nobody else, and each
// claim in it must be the actor's. The claims shape of the issuer or client sets it.
func (t *FoundToken) mayAct(actor map[string]json.RawMessage) bool {
	raw, ok := t.Claims["may_act"]
	if !ok {
		return true
	}
	var party map[string]any
	if json.Unmarshal(raw, &party) != nil || len(party) == 0 {
		return false
	}
	for name, want := range party {
		var got any
		if json.Unmarshal(actor[name], &got) != nil || !reflect.DeepEqual(got, want) {
			return false
		}
	}
	return true
}

// appendCarried adds the custom claims of the token that is traded in to the
// payload, a JSON object.
func (x *exchange) appendCarried(payload []byte) ([]byte, error) {
	more, err := json.Marshal(x.carried)
	if err != nil {
		return nil, fmt.Errorf("encode claims: %w", err)
	}
	last := len(payload) - 1
	return join(append(payload[:last], more...), last)
}

// notNil makes "none" of a nil list, where nil would mean "no bound".
func notNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
