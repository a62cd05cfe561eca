package oauth

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/storage"
)

// Explanation is one custom claim of a token that was not issued.
type Explanation struct {
	Name   string          `json:"name"`            // "..." for a spread
	From   string          `json:"from"`            // whose shape says it: issuer, client
	Source string          `json:"source"`          // the expression or literal, as written
	Value  json.RawMessage `json:"value,omitempty"` // absent where the claim is left out
	Error  string          `json:"error,omitempty"` // where it cannot be computed: no token would be issued
}

// Explain returns what an access token for an identity would hold, without one:
// each custom claim with where it comes from, and the whole payload, which is
// nil where a claim cannot be computed.
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
	return p.explainClaims(claims, client, x), payload, nil
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
