package verify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

type contextKey struct{}

// FromContext returns the token of a request that passed [Verifier.Handler], or
// nil.
func FromContext(ctx context.Context) *Token {
	t, _ := ctx.Value(contextKey{}).(*Token)
	return t
}

// Handler returns next for requests with a valid Bearer token that has all of
// the scopes; [FromContext] gives it the token. Others are answered as RFC 6750
// section 3 says, or with 503 while the issuer's keys cannot be had.
func (v *Verifier) Handler(next http.Handler, scopes ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			refuse(w, http.StatusUnauthorized, "", "a Bearer token is wanted")
			return
		}
		token, err := v.Verify(r.Context(), strings.TrimSpace(text))
		switch {
		case errors.Is(err, ErrUnavailable):
			w.Header().Set("Retry-After", "1")
			http.Error(w, "tokens cannot be verified now", http.StatusServiceUnavailable)
			return
		case err != nil:
			refuse(w, http.StatusUnauthorized, ` error="invalid_token"`, "the token is not valid")
			return
		}
		for _, scope := range scopes {
			if !token.HasScope(scope) {
				refuse(w, http.StatusForbidden, fmt.Sprintf(` error="insufficient_scope", scope=%q`, strings.Join(scopes, " ")), "the token lacks a scope")
				return
			}
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, token)))
	})
}

func refuse(w http.ResponseWriter, status int, challenge, text string) {
	w.Header().Set("WWW-Authenticate", "Bearer"+challenge)
	http.Error(w, text, status)
}
