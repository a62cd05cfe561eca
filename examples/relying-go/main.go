// Command relying-go is a service that trusts an issuer: it verifies Bearer
// tokens off-line, with the keys that the issuer publishes, and answers with
// their claims. It shares no code with claimsmith.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

func main() {
	ctx := context.Background()
	v, err := newVerifier(ctx, os.Getenv("ISSUER"), os.Getenv("AUDIENCE"))
	if err != nil {
		log.Fatal(err)
	}
	go v.refreshEvery(ctx, 5*time.Minute)

	l, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on http://%s\n", l.Addr())
	server := http.Server{Handler: handler(v), ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.Serve(l))
}

// handler answers with the claims of the caller's token.
func handler(v *verifier) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "a Bearer token is wanted", http.StatusUnauthorized)
			return
		}
		claims, err := v.verify(r.Context(), token)
		switch {
		case errors.Is(err, errUnavailable): // not the caller's fault
			log.Print(err)
			http.Error(w, "cannot verify tokens now", http.StatusServiceUnavailable)
		case err != nil:
			log.Print(err)
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			http.Error(w, "invalid token", http.StatusUnauthorized)
		default:
			w.Header().Set("Content-Type", "application/json")
			json.NewEncoder(w).Encode(claims)
		}
	})
}
