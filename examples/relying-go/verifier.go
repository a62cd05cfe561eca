package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
)

// A key that we do not know makes us ask the issuer again, so that a new one
// is known at once; but not more often than this, whatever callers send.
const cooldown = time.Second

// errUnavailable says that the issuer's keys could not be fetched.
var errUnavailable = errors.New("keys are unavailable")

// verifier verifies the access tokens that one issuer makes for us.
type verifier struct {
	parser *jwt.Parser
	jwks   string // URL of the issuer's keys
	keys   atomic.Pointer[jose.JSONWebKeySet]

	fetching sync.Mutex
	fetched  time.Time // of the last refetch
	failed   error     // what came of it
}

// newVerifier finds the issuer's keys by its metadata (RFC 8414) and fetches them.
func newVerifier(ctx context.Context, issuer, audience string) (*verifier, error) {
	if issuer == "" || audience == "" {
		return nil, errors.New("ISSUER and AUDIENCE are wanted")
	}
	u, err := url.Parse(issuer)
	if err != nil {
		return nil, err
	}
	u.Path = "/.well-known/oauth-authorization-server" + strings.TrimSuffix(u.Path, "/")
	var metadata struct {
		Issuer string `json:"issuer"`
		JWKS   string `json:"jwks_uri"`
	}
	if err := get(ctx, u.String(), &metadata); err != nil {
		return nil, err
	}
	if metadata.Issuer != issuer {
		return nil, fmt.Errorf("metadata of %s is of the issuer %s", issuer, metadata.Issuer)
	}
	v := &verifier{
		jwks: metadata.JWKS,
		parser: jwt.NewParser(
			jwt.WithIssuer(issuer),
			jwt.WithAudience(audience),
			jwt.WithExpirationRequired(),
			jwt.WithStrictDecoding(),
			jwt.WithJSONNumber(),
			jwt.WithValidMethods([]string{"ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512", "EdDSA"}),
		),
	}
	return v, v.fetch(ctx)
}

// verify returns the claims of a token that is an access token (RFC 9068), of
// our issuer, for our audience, and has not expired.
func (v *verifier) verify(ctx context.Context, token string) (jwt.MapClaims, error) {
	claims := jwt.MapClaims{}
	_, err := v.parser.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		typ, _ := t.Header["typ"].(string)
		if typ = strings.ToLower(typ); typ != "at+jwt" && typ != "application/at+jwt" {
			return nil, fmt.Errorf("type %q is not at+jwt", typ)
		}
		if _, ok := t.Header["crit"]; ok {
			return nil, errors.New("crit is not understood")
		}
		kid, _ := t.Header["kid"].(string)
		return v.key(ctx, kid, t.Method.Alg())
	})
	return claims, err
}

// key returns the public key with the id, if it is one for the algorithm.
func (v *verifier) key(ctx context.Context, kid, alg string) (any, error) {
	found := v.keys.Load().Key(kid)
	if len(found) == 0 {
		if err := v.refetch(ctx); err != nil {
			return nil, err
		}
		found = v.keys.Load().Key(kid)
	}
	for _, k := range found {
		if k.Algorithm == alg && cmp.Or(k.Use, "sig") == "sig" && k.IsPublic() {
			return k.Key, nil
		}
	}
	return nil, fmt.Errorf("no key %q for %s", kid, alg)
}

// refetch fetches the keys, unless that was done a moment ago.
func (v *verifier) refetch(ctx context.Context) error {
	v.fetching.Lock()
	defer v.fetching.Unlock()
	if time.Since(v.fetched) >= cooldown {
		v.fetched = time.Now()
		v.failed = v.fetch(context.WithoutCancel(ctx)) // others wait for it too
	}
	return v.failed
}

// refreshEvery fetches the keys now and then, so that a revoked one is
// forgotten; if that fails the old ones stay.
func (v *verifier) refreshEvery(ctx context.Context, d time.Duration) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(d):
			v.fetch(ctx)
		}
	}
}

func (v *verifier) fetch(ctx context.Context) error {
	var published struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := get(ctx, v.jwks, &published); err != nil {
		return fmt.Errorf("%w: %w", errUnavailable, err)
	}
	var set jose.JSONWebKeySet
	for _, text := range published.Keys {
		var k jose.JSONWebKey
		if k.UnmarshalJSON(text) == nil { // else of a kind that is not for us
			set.Keys = append(set.Keys, k)
		}
	}
	v.keys.Store(&set)
	return nil
}

// get decodes the JSON document at a URL.
func get(ctx context.Context, url string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", url, resp.Status)
	}
	return json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(into)
}
