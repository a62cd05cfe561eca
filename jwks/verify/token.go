package verify

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/claimsmith/claimsmith/jwks/internal/jws"
	"github.com/golang-jwt/jwt/v5"
)

// A Token is an access token that was verified.
type Token struct {
	Issuer, Subject string
	ClientID        string // who asked for it; "" if it does not say
	ID, Session     string // jti and sid; "" if it does not say
	Audience        []string
	Scopes          []string
	Issued, Expires time.Time
	NotBefore       time.Time // zero for most

	KID, Algorithm string
	Payload        json.RawMessage // all claims
}

// Claims decodes all claims into v, for those of the issuer's own.
func (t *Token) Claims(v any) error {
	if err := json.Unmarshal(t.Payload, v); err != nil {
		return fmt.Errorf("decode claims: %w", err)
	}
	return nil
}

// HasScope reports whether the token has the scope.
func (t *Token) HasScope(scope string) bool { return slices.Contains(t.Scopes, scope) }

// readToken takes the claims by their exact names: a struct would match them in
// any case.
func readToken(raw jws.Token) (*Token, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw.Payload, &members); err != nil {
		return nil, errors.New("its claims are not a JSON object")
	}
	t := &Token{KID: raw.KID, Algorithm: raw.Algorithm, Payload: raw.Payload}
	var audience jwt.ClaimStrings
	var issued, expires, notBefore jwt.NumericDate
	var scope string
	for name, into := range map[string]any{
		"iss": &t.Issuer, "sub": &t.Subject, "client_id": &t.ClientID, "jti": &t.ID, "sid": &t.Session,
		"aud": &audience, "iat": &issued, "exp": &expires, "nbf": &notBefore, "scope": &scope,
	} {
		if value, ok := members[name]; ok {
			if err := json.Unmarshal(value, into); err != nil {
				return nil, fmt.Errorf("its claim %s is of the wrong type", name)
			}
		}
	}
	t.Audience, t.Scopes = audience, strings.Fields(scope)
	t.Issued, t.Expires, t.NotBefore = issued.Time, expires.Time, notBefore.Time
	return t, nil
}

// GetIssuer and the methods that follow implement jwt.Claims.
func (t *Token) GetIssuer() (string, error) { return t.Issuer, nil }

// GetSubject returns sub.
func (t *Token) GetSubject() (string, error) { return t.Subject, nil }

// GetAudience returns aud.
func (t *Token) GetAudience() (jwt.ClaimStrings, error) { return t.Audience, nil }

// GetExpirationTime returns exp, nil for none.
func (t *Token) GetExpirationTime() (*jwt.NumericDate, error) { return date(t.Expires), nil }

// GetNotBefore returns nbf, nil for none.
func (t *Token) GetNotBefore() (*jwt.NumericDate, error) { return date(t.NotBefore), nil }

// GetIssuedAt returns iat, nil for none.
func (t *Token) GetIssuedAt() (*jwt.NumericDate, error) { return date(t.Issued), nil }

func date(t time.Time) *jwt.NumericDate {
	if t.IsZero() {
		return nil
	}
	return jwt.NewNumericDate(t)
}
