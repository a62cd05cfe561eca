package storage

import (
	"encoding/json"
	"fmt"
	"time"
)

// ClientPolicy is what an operator lets a client do beyond asking for tokens. The zero
// ClientPolicy allows nothing.
type ClientPolicy struct {
	JWKS    string `json:"jwks,omitempty"`     // public keys that its assertions verify with, as a JWK Set
	JWKSURL string `json:"jwks_url,omitempty"` // where these are fetched; https

	Algorithm string `json:"algorithm,omitempty"` // signs its access tokens; "": the issuer's first

	Exchange      []string `json:"exchange,omitempty"`       // the audiences that it may trade access tokens for, its default first
	IntrospectAny bool     `json:"introspect_any,omitempty"` // it sees every token, not only those that concern it
	Origins       []string `json:"origins,omitempty"`        // whose scripts in browsers may read its answers; "*": everybody's

	RefreshIdle     time.Duration `json:"refresh_idle,omitempty"`     // 0: the issuer's
	RefreshAbsolute time.Duration `json:"refresh_absolute,omitempty"` // 0: the issuer's
	// RefreshOutage is for how long after a plugin last vouched for an identity the
	// session may be refreshed while that plugin is down. 0: not at all.
	RefreshOutage time.Duration `json:"refresh_outage,omitempty"`
}

// Public returns whether the client has nothing to prove itself with.
func (c *Client) Public() bool {
	return len(c.Secrets) == 0 && c.JWKS == "" && c.JWKSURL == ""
}

func (p ClientPolicy) encode() (string, error) {
	text, err := json.Marshal(p)
	return string(text), err
}

func decodePolicy(text string) (p ClientPolicy, err error) {
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return p, fmt.Errorf("policy: %w", err)
	}
	return p, nil
}
