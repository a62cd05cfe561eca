package jwks_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log"
	"net/http/httptest"

	"github.com/claimsmith/claimsmith/jwks"
)

func Example() {
	masterKey := make([]byte, 32) // in earnest from a file or a secret manager
	rand.Read(masterKey)
	sealer, err := jwks.NewSealer(map[string][]byte{"2030-01": masterKey}, "2030-01")
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ring, err := jwks.Open(ctx, jwks.Config{
		Issuer: "https://login.example",
		Store:  new(jwks.MemoryStore),
		Sealer: sealer,
	})
	if err != nil {
		log.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- ring.Run(ctx) }() // rotates until stop is called

	token, err := ring.Sign(ctx, "", "at+jwt", []byte(`{"sub":"alice"}`))
	if err != nil {
		log.Fatal(err)
	}
	verified, err := ring.Verify(ctx, token)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(verified.Algorithm, verified.Typ, string(verified.Payload))

	response := httptest.NewRecorder() // in earnest: http.Handle("/.well-known/jwks.json", ring)
	ring.ServeHTTP(response, httptest.NewRequest("GET", "/.well-known/jwks.json", nil))
	fmt.Println(response.Code, response.Header().Get("Cache-Control"))

	stop()
	if err := <-done; err != nil {
		log.Fatal(err)
	}
	// Output:
	// ES256 at+jwt {"sub":"alice"}
	// 200 public, max-age=300
}
