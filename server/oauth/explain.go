package oauth

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/storage"
)

// Explanation is one claim of a token that was not issued.
type Explanation struct {
	Name   string          `json:"name"`            // "..." for a spread
	From   string          `json:"from"`            // whose shape says it: issuer, client; or server
	Source string          `json:"source"`          // the expression or literal, as written; "" for the server's
	Value  json.RawMessage `json:"value,omitempty"` // absent where the claim is left out
	Error  string          `json:"error,omitempty"` // where it cannot be computed: no token would be issued
}

// Explain returns what an access token for an identity would hold, without one:
// each claim with where it comes from, the server's first, and the whole payload.
// Where a claim cannot be computed there is no payload, and none of the server's.
func (p *Provider) Explain(ctx context.Context, clientID string, id sdk.Identity, attributes map[string]string) ([]Explanation, json.RawMessage, error) {
	client, err := p.Clients.Client(ctx, p.Name, clientID)
	if err != nil {
		return nil, nil, fmt.Errorf("find client %s: %w", clientID, err)
	}
	x := &exchange{client: client, identity: id, sessionID: newID(), now: time.Now().Truncate(time.Millisecond)}
	x.request.Attributes = attributes
	if err := p.target(x, client.Scopes, p.audienceOf(x)); err != nil {
		return nil, nil, err
	}
	if err := p.bound(x); err != nil {
		return nil, nil, err
	}
	x.token = Token{
		ID: newID(), Session: x.sessionID, Scopes: x.scopes, Audience: x.audience,
		Issued: x.now, Expires: p.expiry(x), Identity: id,
	}
	claims, err := p.claimsOf(client)
	if err != nil {
		return nil, nil, err
	}
	payload, err := p.encodeClaims(x)
	if err != nil {
		payload = nil
	}
	return append(standardClaims(payload), p.explainClaims(claims, client, x)...), payload, nil
}

// standardClaims are those of a payload that no shape may set.
func standardClaims(payload []byte) []Explanation {
	var claims map[string]json.RawMessage
	if json.Unmarshal(payload, &claims) != nil {
		return nil
	}
	var all []Explanation
	for _, name := range reservedClaims {
		if value, ok := claims[name]; ok {
			all = append(all, Explanation{Name: name, From: "server", Value: value})
		}
	}
	return all
}

func (p *Provider) explainClaims(claims *Claims, client *storage.Client, x *exchange) []Explanation {
	if claims == nil {
		return nil
	}
	own := map[string]bool{}
	if client.Claims != "" {
		if c, err := ParseClaims(client.ID, []byte(client.Claims)); err == nil {
			for _, m := range c.shape.Members() {
				own[m.Name] = true
			}
		}
	}
	var all []Explanation
	for _, e := range claims.shape.Explain(x.variables()) {
		one := Explanation{Name: e.Name, From: "issuer", Source: e.Source, Value: e.JSON}
		if own[e.Name] {
			one.From = "client"
		}
		if e.Err != nil {
			one.Error = e.Err.Error()
		}
		all = append(all, one)
	}
	return all
}
