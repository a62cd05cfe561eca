package jwks_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
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

// newExampleRing opens a ring whose keys are in memory.
func newExampleRing() *jwks.Ring {
	master := make([]byte, 32)
	rand.Read(master)
	sealer, err := jwks.NewSealer(map[string][]byte{"1": master}, "1")
	if err != nil {
		log.Fatal(err)
	}
	ring, err := jwks.Open(context.Background(), jwks.Config{
		Issuer: "https://login.example", Algorithms: []string{"ES256", "EdDSA"},
		Store: new(jwks.MemoryStore), Sealer: sealer, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		log.Fatal(err)
	}
	return ring
}

// A ring that tests use keeps its keys in a MemoryStore. So may several, which
// then are replicas of one issuer.
func ExampleMemoryStore() {
	for _, key := range newExampleRing().Keys() {
		fmt.Println(key.Algorithm, key.State)
	}
	// Unordered output:
	// ES256 active
	// EdDSA active
}

func ExampleRing_Sign() {
	ring := newExampleRing()
	token, err := ring.Sign(context.Background(), "EdDSA", "at+jwt", []byte(`{"sub":"alice"}`))
	if err != nil {
		log.Fatal(err)
	}
	verified, err := ring.Verify(context.Background(), token)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(verified.Algorithm, string(verified.Payload))
	// Output: EdDSA {"sub":"alice"}
}

// What a revoked key has signed is refused, and told from what is forged.
func ExampleRing_Revoke() {
	ctx, ring := context.Background(), newExampleRing()
	token, err := ring.Sign(ctx, "", "at+jwt", []byte(`{"sub":"alice"}`))
	if err != nil {
		log.Fatal(err)
	}
	verified, err := ring.Verify(ctx, token)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := ring.Revoke(ctx, verified.KID); err != nil {
		log.Fatal(err)
	}
	_, err = ring.Verify(ctx, token)
	fmt.Println(errors.Is(err, jwks.ErrRevokedKey), err)
	// Output: true verify token: token is invalid: its key was revoked
}

// A service that has the key set asks whether it is still the one.
func ExampleRing_ServeHTTP() {
	issuer := httptest.NewServer(newExampleRing())
	defer issuer.Close()
	first, err := issuer.Client().Get(issuer.URL)
	if err != nil {
		log.Fatal(err)
	}
	io.Copy(io.Discard, first.Body)
	first.Body.Close()
	again := first.Request.Clone(context.Background())
	again.Header.Set("If-None-Match", first.Header.Get("Etag"))
	second, err := issuer.Client().Do(again)
	if err != nil {
		log.Fatal(err)
	}
	second.Body.Close()
	fmt.Println(first.Status, second.Status)
	// Output: 200 OK 304 Not Modified
}
