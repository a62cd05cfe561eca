package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server/shape"
)

// TrustedIssuer is somebody else whose assertions are taken for credentials
// (RFC 7523 section 2.1).
type TrustedIssuer struct {
	Issuer     string // iss of its assertions
	Keys       KeySource
	Audience   []string // one of which aud must name; none: the issuer URL and the token endpoint
	Algorithms []string // none: AssertionAlgorithms
	Identity   *Mapping // nil: sub is the subject, and nothing else is known
}

// longestTrusted bounds how long an assertion of a trusted issuer may be valid,
// and so how long it is remembered.
const longestTrusted = time.Hour

// Mapping is a compiled shape that makes an identity of an assertion.
type Mapping struct {
	shape *shape.Shape[assertionVariables]
}

// assertionVariables are what an expression of a Mapping may name.
type assertionVariables struct {
	Issuer string         `json:"issuer"`
	Claims map[string]any `json:"claims"` // all of the assertion's
}

// IdentityFields are what a Mapping may set.
var IdentityFields = []string{
	"subject", "username", "name", "email", "organisation", "unit", "units", "groups", "roles", "scopes", "audience", "claims",
}

var assertionEnv = sync.OnceValue(func() *shape.Env[assertionVariables] {
	env, err := shape.NewEnv[assertionVariables]()
	if err != nil {
		panic(err) // the struct above is at fault
	}
	return env
})

// CompileMapping compiles the mapping of a configuration file. The error is of
// type shape.Faults, with positions in that file.
func CompileMapping(tree ast.Node) (*Mapping, error) {
	s, err := shape.Compile(tree, assertionEnv(), shape.Mapping())
	if err != nil {
		return nil, err
	}
	return &Mapping{s}, nil
}

// proveAssertion proves the identity that an assertion of a trusted issuer
// stands for (RFC 7523 section 3).
func (p *Provider) proveAssertion(ctx context.Context, x *exchange) error {
	if slices.Contains(x.scopes, ScopeOfflineAccess) {
		return invalidScope("an assertion gets no refresh token") // RFC 7521 section 4.1
	}
	id, err := p.judgeAssertion(ctx, x.request.Assertion)
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if err != nil {
		return invalidGrant("the assertion is not valid", err)
	}
	if err := x.isPerson(id); err != nil {
		return err
	}
	x.identity = id
	x.sessionID = newID()
	return nil
}

func (p *Provider) judgeAssertion(ctx context.Context, text sdk.Secret) (id sdk.Identity, err error) {
	claims, err := peekAssertion(text.Reveal())
	if err != nil {
		return id, errors.New("it is malformed")
	}
	n := slices.IndexFunc(p.TrustedIssuers, func(t TrustedIssuer) bool { return t.Issuer == claims.Issuer })
	if n < 0 {
		return id, errors.New("its iss is not trusted")
	}
	trusted := p.TrustedIssuers[n]
	rules := assertionRules{
		keys: trusted.Keys, algorithms: trusted.Algorithms, typ: "authorization-grant+jwt", issuer: trusted.Issuer,
		audience: trusted.Audience, longest: longestTrusted,
	}
	if len(rules.audience) == 0 {
		rules.audience = p.assertionAudience()
	}
	var payload json.RawMessage
	a, err := p.verifyAssertion(ctx, text.Reveal(), rules, &payload)
	if err != nil {
		return id, err
	}
	if id, err = trusted.identity(a, payload); err != nil {
		return id, err
	}
	return id, p.useAssertion(ctx, "grant", a)
}

// identity maps an assertion to the identity that it stands for.
func (t *TrustedIssuer) identity(a assertion, payload []byte) (id sdk.Identity, err error) {
	if t.Identity == nil {
		return sdk.Identity{Subject: a.Subject}, nil
	}
	v := assertionVariables{Issuer: t.Issuer}
	if err := json.Unmarshal(payload, &v.Claims); err != nil {
		return id, fmt.Errorf("decode assertion: %w", err)
	}
	text, err := t.Identity.shape.AppendJSON(nil, &v)
	if err != nil {
		return id, fmt.Errorf("map assertion: %w", err)
	}
	if err := json.Unmarshal(text, &id); err != nil {
		return id, fmt.Errorf("map assertion: %w", err)
	}
	if id.Subject == "" {
		return id, errors.New("map assertion: it has no subject")
	}
	id.Plugin, id.Expires = "", time.Time{}
	return id, nil
}
