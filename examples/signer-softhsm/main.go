// Command signer-softhsm is a claimsmith plugin that holds the signing keys of
// issuers in a PKCS#11 token, which they never leave: SoftHSM's here, that of
// another maker with the same code. PKCS#11 needs cgo, hence a module of its own.
package main

import (
	"bytes"
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"os"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

func main() { sdk.Serve(new(signer)) }

// signer is the plugin.
type signer struct {
	sdk.OnlySigner
	token *token
}

// config is what plugins.NAME.config says.
type config struct {
	Library string `json:"library"` // the path of the maker's library
	Token   string `json:"token"`   // the token's label
	PIN     string `json:"pin"`
	// Environment is what the library reads from it: a plugin has none of the
	// server's.
	Environment map[string]string `json:"environment"`
}

// Describe implements sdk.Describer.
func (s *signer) Describe() sdk.Description {
	return sdk.Description{Name: "signer-softhsm", Version: "1.0.0", Schema: json.RawMessage(`{
		"type": "object", "required": ["library", "token", "pin"], "additionalProperties": false,
		"properties": {
			"library": {"type": "string"}, "token": {"type": "string"}, "pin": {"type": "string"},
			"environment": {"type": "object", "additionalProperties": {"type": "string"}}
		}
	}`)}
}

// Configure implements sdk.Configurer.
func (s *signer) Configure(_ context.Context, text json.RawMessage) error {
	var c config
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return err
	}
	if c.Library == "" || c.Token == "" || c.PIN == "" {
		return errors.New("library, token and pin are wanted")
	}
	for name, value := range c.Environment {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	var err error
	s.token, err = openToken(c.Library, c.Token, c.PIN)
	return err
}

// Generate implements sdk.Signer.
func (s *signer) Generate(_ context.Context, algorithm string) (string, crypto.PublicKey, error) {
	return s.token.generate(algorithm)
}

// Sign implements sdk.Signer.
func (s *signer) Sign(ctx context.Context, ref string, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return s.token.sign(ctx, ref, digest, opts)
}

// Destroy implements sdk.Signer.
func (s *signer) Destroy(_ context.Context, ref string) error { return s.token.destroy(ref) }
