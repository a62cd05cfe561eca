package verify_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/claimsmith/claimsmith/jwks"
	"github.com/claimsmith/claimsmith/jwks/verify"
)

func Example() {
	issuer := newExampleIssuer()
	defer issuer.Close()

	v, err := verify.New(verify.Config{
		Issuer:   issuer.URL,
		Audience: []string{"https://api.example"},
	})
	if err != nil {
		log.Fatal(err)
	}
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello, %s\n", verify.FromContext(r.Context()).Subject)
	})
	service := httptest.NewServer(v.Handler(hello, "read")) // in earnest: http.Handle("/", …)
	defer service.Close()

	for _, token := range []string{issuer.token("read"), issuer.token("write"), "no token"} {
		r, err := http.NewRequest(http.MethodGet, service.URL, nil)
		if err != nil {
			log.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			log.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			log.Fatal(err)
		}
		resp.Body.Close()
		fmt.Print(resp.StatusCode, " ", string(body))
	}
	// Output:
	// 200 hello, alice
	// 403 the token lacks a scope
	// 401 the token is not valid
}

func ExampleVerifier_Verify() {
	issuer := newExampleIssuer()
	defer issuer.Close()
	v, err := verify.New(verify.Config{Issuer: issuer.URL, Audience: []string{"https://api.example"}})
	if err != nil {
		log.Fatal(err)
	}
	token, err := v.Verify(context.Background(), issuer.token("read write"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.Subject, token.Scopes)
	// Output: alice [read write]
}

// exampleIssuer is a ring and what it publishes.
type exampleIssuer struct {
	*httptest.Server
	ring *jwks.Ring
}

func newExampleIssuer() exampleIssuer {
	sealer, err := jwks.NewSealer(map[string][]byte{"m": bytes.Repeat([]byte("m"), 32)}, "m")
	if err != nil {
		log.Fatal(err)
	}
	ring, err := jwks.Open(context.Background(), jwks.Config{Issuer: "example", Store: new(jwks.MemoryStore), Sealer: sealer})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	mux.Handle("/.well-known/jwks.json", ring)
	mux.HandleFunc("/.well-known/oauth-authorization-server", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"issuer": %q, "jwks_uri": %q}`, server.URL, server.URL+"/.well-known/jwks.json")
	})
	return exampleIssuer{server, ring}
}

func (i exampleIssuer) token(scope string) string {
	claims := fmt.Sprintf(`{"iss": %q, "sub": "alice", "aud": "https://api.example", "scope": %q, "exp": %d}`,
		i.URL, scope, time.Now().Add(time.Minute).Unix())
	token, err := i.ring.Sign(context.Background(), "", "at+jwt", []byte(claims))
	if err != nil {
		log.Fatal(err)
	}
	return token
}
