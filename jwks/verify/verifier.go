package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/claimsmith/claimsmith/jwks"
	"github.com/claimsmith/claimsmith/jwks/internal/jws"
	"github.com/golang-jwt/jwt/v5"
)

// The ways in which a token does not verify.
var (
	ErrInvalid     = errors.New("token is not valid")             // the caller's fault
	ErrUnavailable = errors.New("keys of the issuer are missing") // nobody can tell now
)

// A Config says whose tokens a [Verifier] accepts.
type Config struct {
	// Issuer is the URL of the issuer, letter by letter as iss has it.
	Issuer string

	// Audience are the names of this service; a token has to be for one of them.
	Audience []string

	// JWKS is the URL of the issuer's key set. "": what its metadata says
	// (RFC 8414, or OpenID Connect Discovery where it has only that).
	JWKS string

	// Algorithms are those that are accepted, each by keys of its own. Nil: all
	// of [jwks.Algorithms]. There is no way to accept none or an HMAC.
	Algorithms []string

	// Type is what typ has to be. "": at+jwt, an access token, so that no other
	// kind of token of the issuer passes for one.
	Type string

	// Leeway is by how much exp and nbf may be missed. 0: not at all.
	Leeway time.Duration

	// Cooldown is the least time between two requests to the issuer, whatever
	// kids callers make up. 0: 1 second.
	Cooldown time.Duration

	// MaxStale is how long keys are used beyond what the issuer allowed, while
	// it cannot be reached. 0: 24 hours.
	MaxStale time.Duration

	Client *http.Client // makes the requests; nil: one that waits 5 seconds
	Log    *slog.Logger // told why keys cannot be fetched; nil: slog.Default()
}

// A Verifier verifies the tokens of one issuer. It is safe for concurrent use.
type Verifier struct {
	config Config
	claims *jwt.Validator
	keys   *source
}

// New returns a Verifier. It asks the issuer for nothing yet.
func New(c Config) (*Verifier, error) {
	c.Type, c.Log = cmp.Or(c.Type, "at+jwt"), cmp.Or(c.Log, slog.Default())
	c.Cooldown, c.MaxStale = cmp.Or(c.Cooldown, time.Second), cmp.Or(c.MaxStale, 24*time.Hour)
	if c.Algorithms == nil {
		c.Algorithms = jwks.Algorithms()
	}
	if c.Client == nil {
		c.Client = &http.Client{Timeout: 5 * time.Second}
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("new verifier: %w", err)
	}
	return &Verifier{
		config: c,
		claims: jwt.NewValidator(jwt.WithIssuer(c.Issuer), jwt.WithAudience(c.Audience...),
			jwt.WithExpirationRequired(), jwt.WithLeeway(c.Leeway)),
		keys: newSource(c),
	}, nil
}

func (c Config) check() error {
	u, err := url.Parse(c.Issuer)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("issuer %q is not a URL", c.Issuer)
	case len(c.Audience) == 0 || slices.Contains(c.Audience, ""):
		return errors.New("an audience is needed: without it, tokens for other services would pass")
	}
	for _, name := range c.Algorithms {
		if !slices.Contains(jwks.Algorithms(), name) {
			return fmt.Errorf("algorithm %q is not one of %s", name, strings.Join(jwks.Algorithms(), ", "))
		}
	}
	return nil
}

// Verify returns what token says if the issuer signed it, with a key that it
// publishes and by that key's algorithm, if its typ is the expected one, if it
// is for this service, and if it has not expired. The error wraps [ErrInvalid]
// or, where it is not known because the issuer's keys cannot be had,
// [ErrUnavailable]. It waits for the issuer only if the token's key is unknown
// or the key set is older than the issuer allowed.
func (v *Verifier) Verify(ctx context.Context, token string) (*Token, error) {
	t, err := jws.Parse(token)
	if err != nil {
		return nil, invalid(err)
	}
	if !sameType(t.Typ, v.config.Type) {
		return nil, invalid(fmt.Errorf("its type is %q, want %q", t.Typ, v.config.Type))
	}
	if !slices.Contains(v.config.Algorithms, t.Algorithm) {
		return nil, invalid(fmt.Errorf("algorithm %q is not accepted", t.Algorithm))
	}
	public, err := v.keys.find(ctx, t.KID, t.Algorithm)
	if err != nil {
		return nil, fmt.Errorf("verify token: %w", err)
	}
	if err := jwt.GetSigningMethod(t.Algorithm).Verify(t.Input, t.Signature, public); err != nil {
		return nil, invalid(errors.New("the signature is wrong"))
	}
	out, err := readToken(t)
	if err != nil {
		return nil, invalid(err)
	}
	if err := v.claims.Validate(out); err != nil {
		return nil, invalid(err)
	}
	return out, nil
}

func invalid(err error) error { return fmt.Errorf("verify token: %w: %w", ErrInvalid, err) }

// sameType compares media types as RFC 7515 section 4.1.9 has them in typ:
// without regard to case, and application/ may be left out.
func sameType(a, b string) bool {
	const tree = "application/"
	a, b = strings.ToLower(a), strings.ToLower(b)
	return strings.TrimPrefix(a, tree) == strings.TrimPrefix(b, tree)
}
