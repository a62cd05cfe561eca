// Command signer-softhsm signs tokens with keys that never leave a PKCS#11
// token: it opens a ring of package jwks whose keys SoftHSM holds, signs, rotates
// and verifies. PKCS#11 needs cgo, hence a module of its own.
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"

	"github.com/claimsmith/claimsmith/jwks"
)

func main() {
	err := run(context.Background(), os.Stdout, os.Getenv("PKCS11_LIBRARY"), os.Getenv("PKCS11_TOKEN"), os.Getenv("PKCS11_PIN"))
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, w io.Writer, library, label, pin string) error {
	token, err := openHSM(library, label, pin)
	if err != nil {
		return err
	}
	defer token.Close()
	ring, err := openRing(ctx, token, "ES256", "RS256")
	if err != nil {
		return err
	}
	for _, algorithm := range []string{"ES256", "RS256"} {
		if err := signAndVerify(ctx, w, ring, algorithm); err != nil {
			return err
		}
	}
	if _, err := ring.Rotate(ctx, true); err != nil {
		return err
	}
	fmt.Fprintln(w, "rotated")
	return signAndVerify(ctx, w, ring, "ES256")
}

// openRing opens a ring whose keys are in the token. In earnest its store is a
// database; the master key then seals what the keys are called there.
func openRing(ctx context.Context, token *hsm, algorithms ...string) (*jwks.Ring, error) {
	master := make([]byte, 32)
	rand.Read(master)
	sealer, err := jwks.NewSealer(map[string][]byte{"1": master}, "1")
	if err != nil {
		return nil, err
	}
	return jwks.Open(ctx, jwks.Config{
		Issuer: "https://login.example", Algorithms: algorithms,
		Store: new(jwks.MemoryStore), Sealer: sealer, Signer: token, Log: slog.New(slog.DiscardHandler),
	})
}

func signAndVerify(ctx context.Context, w io.Writer, ring *jwks.Ring, algorithm string) error {
	signed, err := ring.Sign(ctx, algorithm, "at+jwt", []byte(`{"sub":"alice"}`))
	if err != nil {
		return err
	}
	verified, err := ring.Verify(ctx, signed)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s %s: %s\n", verified.Algorithm, verified.KID, verified.Payload)
	return err
}
