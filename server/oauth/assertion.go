package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/claimsmith/claimsmith/storage"
)

// The bounds of an assertion.
const (
	assertionSkew  = time.Minute // how far clocks may differ
	maxAssertionID = 255         // bytes of jti
)

// AssertionAlgorithms are those that an assertion may be signed with. Each has
// a public key: an HMAC secret would have to be kept in the clear.
var AssertionAlgorithms = []string{"ES256", "ES384", "EdDSA", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"}

// assertionRules say which assertions hold (RFC 7523 section 3).
type assertionRules struct {
	keys       KeySource
	algorithms []string // none: AssertionAlgorithms
	typ        string   // what typ may be besides JWT
	issuer     string   // what iss must be
	audience   []string // one of which aud must name
	longest    time.Duration
}

// assertion is what an assertion says.
type assertion struct{ jwt.Claims }

// peekAssertion reads an assertion that nobody has verified.
func peekAssertion(text string) (c jwt.Claims, err error) {
	token, err := parseAssertion(text, nil)
	if err != nil {
		return c, err
	}
	return c, token.UnsafeClaimsWithoutVerification(&c)
}

func parseAssertion(text string, algorithms []string) (*jwt.JSONWebToken, error) {
	if len(text) > maxSecret {
		return nil, errors.New("it is too long")
	}
	if len(algorithms) == 0 {
		algorithms = AssertionAlgorithms
	}
	allowed := make([]jose.SignatureAlgorithm, len(algorithms))
	for i, a := range algorithms {
		allowed[i] = jose.SignatureAlgorithm(a)
	}
	token, err := jwt.ParseSigned(text, allowed)
	if err != nil {
		return nil, err
	}
	for part := range strings.SplitSeq(text, ".") {
		if _, err := base64.RawURLEncoding.Strict().DecodeString(part); err != nil || strings.ContainsAny(part, "\r\n") {
			return nil, errors.New("its base64url is not canonical")
		}
	}
	for _, name := range []jose.HeaderKey{"crit", "b64"} { // RFC 7519 has neither
		if _, ok := token.Headers[0].ExtraHeaders[name]; ok {
			return nil, fmt.Errorf("its header has %s", name)
		}
	}
	return token, nil
}

// verifyAssertion returns what an assertion says that keeps the rules, with its
// claims decoded into more as well. Its error is an *Error only where keys
// cannot be had at the moment.
func (p *Provider) verifyAssertion(ctx context.Context, text string, rules assertionRules, more ...any) (assertion, error) {
	var a assertion
	token, err := parseAssertion(text, rules.algorithms)
	if err != nil {
		return a, err
	}
	header := token.Headers[0] // a JWS in compact form has one
	if err := rules.checkType(header); err != nil {
		return a, err
	}
	keys, err := p.keySets.find(ctx, rules.keys, header.KeyID)
	if err != nil {
		return a, err
	}
	verified := slices.ContainsFunc(keys, func(k jose.JSONWebKey) bool {
		fits := k.Algorithm == "" || k.Algorithm == header.Algorithm
		return fits && token.Claims(k.Key, append(more, &a.Claims)...) == nil
	})
	if !verified {
		return a, errors.New("no known key has signed it")
	}
	return a, rules.check(a, time.Now())
}

// checkType refuses a JWT that says that it is something else, such as an access
// token (RFC 8725 section 3.11).
func (r assertionRules) checkType(header jose.Header) error {
	typ, ok := header.ExtraHeaders[jose.HeaderType]
	if !ok {
		return nil
	}
	name, _ := typ.(string)
	name = strings.TrimPrefix(strings.ToLower(name), "application/") // RFC 7515 section 4.1.9
	if name != "jwt" && name != r.typ {
		return errors.New("its typ is that of something else")
	}
	return nil
}

func (r assertionRules) check(a assertion, now time.Time) error {
	switch {
	case a.Issuer == "" || a.Issuer != r.issuer:
		return errors.New("its iss is another")
	case a.Subject == "":
		return errors.New("it has no sub")
	case !slices.ContainsFunc(a.Audience, func(s string) bool { return slices.Contains(r.audience, s) }):
		return errors.New("its aud does not name this server")
	case a.Expiry == nil || !now.Before(a.Expiry.Time().Add(assertionSkew)):
		return errors.New("it has expired, or has no exp")
	case a.Expiry.Time().After(now.Add(r.longest + assertionSkew)):
		return fmt.Errorf("its exp is more than %s away", r.longest)
	case a.NotBefore != nil && a.NotBefore.Time().After(now.Add(assertionSkew)):
		return errors.New("its nbf is in the future")
	case a.IssuedAt != nil && a.IssuedAt.Time().After(now.Add(assertionSkew)):
		return errors.New("its iat is in the future")
	case a.ID == "" || len(a.ID) > maxAssertionID:
		return errors.New("it has no jti, or one of more than 255 bytes")
	}
	return nil
}

// useAssertion lets a verified assertion be used once. What it is for, who made
// it and its jti tell it from others: a signature does not, since one can be written in two
// ways.
func (p *Provider) useAssertion(ctx context.Context, use string, a assertion) error {
	sum := sha256.Sum256([]byte(strings.Join([]string{use, a.Issuer, a.ID}, "\x00")))
	hash := base64.RawURLEncoding.EncodeToString(sum[:])
	err := p.Assertions.UseAssertion(ctx, p.Name, hash, a.Expiry.Time().Add(assertionSkew))
	switch {
	case errors.Is(err, storage.ErrExists):
		return errors.New("it was used before")
	case err != nil:
		return fromStorage(err)
	}
	return nil
}

// assertionAudience is what an assertion may name this server by: the issuer,
// or the token endpoint (RFC 7523 section 3).
func (p *Provider) assertionAudience() []string {
	return []string{p.Issuer, p.endpoint("token")}
}
