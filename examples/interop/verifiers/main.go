// Command verifiers is a relying service that verifies access tokens with
// libraries that others wrote, each at a path of its own: /keyfunc with golang-jwt
// and keyfunc, /go-oidc with go-oidc. The tests of claimsmith start it while keys
// rotate.
package main

import (
	"cmp"
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"
)

// maxAge is the issuer's jwks_max_age. Keyfunc does not read Cache-Control: how
// often it fetches has to be said.
const maxAge = time.Second

func main() {
	if err := run(context.Background(), os.Getenv("ISSUER"), os.Getenv("AUDIENCE"), cmp.Or(os.Getenv("PORT"), "8081")); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, issuer, audience, port string) error {
	provider, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		return fmt.Errorf("discover issuer: %w", err)
	}
	byKeyfunc, err := newKeyfunc(ctx, provider, issuer, audience)
	if err != nil {
		return err
	}
	verifier := provider.VerifierContext(ctx, &oidc.Config{ClientID: audience})
	http.Handle("/keyfunc", bearer(byKeyfunc))
	http.Handle("/go-oidc", bearer(func(ctx context.Context, token string) error {
		_, err := verifier.Verify(ctx, token)
		return err
	}))
	l, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		return err
	}
	fmt.Printf("listening on http://%s\n", l.Addr())
	return http.Serve(l, nil)
}

// newKeyfunc verifies with golang-jwt, to which keyfunc gives the keys.
func newKeyfunc(ctx context.Context, provider *oidc.Provider, issuer, audience string) (func(context.Context, string) error, error) {
	var metadata struct {
		JWKS string `json:"jwks_uri"`
	}
	if err := provider.Claims(&metadata); err != nil {
		return nil, err
	}
	keys, err := keyfunc.NewDefaultOverrideCtx(ctx, []string{metadata.JWKS}, keyfunc.Override{
		RefreshInterval: maxAge, RefreshUnknownKID: rate.NewLimiter(rate.Every(maxAge), 1), RateLimitWaitMax: maxAge,
	})
	if err != nil {
		return nil, fmt.Errorf("fetch keys: %w", err)
	}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"ES256"}), jwt.WithIssuer(issuer), jwt.WithAudience(audience),
		jwt.WithExpirationRequired(), jwt.WithStrictDecoding())
	return func(ctx context.Context, token string) error {
		_, err := parser.Parse(token, keys.KeyfuncCtx(ctx))
		return err
	}, nil
}

// bearer answers 200 to a token that verifies, and else 401 with the reason.
func bearer(verify func(ctx context.Context, token string) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if err := verify(r.Context(), token); err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
		}
	})
}
