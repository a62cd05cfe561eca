package main

import (
	"context"
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/ThalesGroup/crypto11"

	"github.com/claimsmith/claimsmith/jwks"
)

// hsm is a jwks.Signer whose keys are in a PKCS#11 token. A key is called by its
// CKA_ID, which is random.
type hsm struct {
	token *crypto11.Context
	found sync.Map // crypto11.Signer by what it is called; to find one takes longer than to sign
}

var _ jwks.Signer = (*hsm)(nil)

// openHSM opens a token by the library of its maker.
func openHSM(library, label, pin string) (*hsm, error) {
	token, err := crypto11.Configure(&crypto11.Config{Path: library, TokenLabel: label, Pin: pin})
	if err != nil {
		return nil, fmt.Errorf("open PKCS#11 token %s: %w", label, err)
	}
	return &hsm{token: token}, nil
}

func (h *hsm) Close() error { return h.token.Close() }

// Generate implements jwks.Signer. The private half is not extractable.
func (h *hsm) Generate(_ context.Context, algorithm string) (string, crypto.PublicKey, error) {
	ref := rand.Text()
	key, err := h.generate([]byte(ref), algorithm)
	if err != nil {
		return "", nil, fmt.Errorf("generate %s key in the token: %w", algorithm, err)
	}
	return ref, key.Public(), nil
}

func (h *hsm) generate(id []byte, algorithm string) (crypto.Signer, error) {
	label := []byte("claimsmith " + algorithm)
	switch {
	case algorithm == "ES256":
		return h.token.GenerateECDSAKeyPairWithLabel(id, label, elliptic.P256())
	case algorithm == "ES384":
		return h.token.GenerateECDSAKeyPairWithLabel(id, label, elliptic.P384())
	case strings.HasPrefix(algorithm, "RS") || strings.HasPrefix(algorithm, "PS"):
		return h.token.GenerateRSAKeyPairWithLabel(id, label, 2048)
	}
	return nil, errors.ErrUnsupported // crypto11 knows no Ed25519
}

// Sign implements jwks.Signer. PKCS#11 cannot be interrupted: a call that ctx
// gives up goes on in the token.
func (h *hsm) Sign(ctx context.Context, ref string, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	type result struct {
		signature []byte
		err       error
	}
	done := make(chan result, 1)
	go func() {
		key, err := h.find(ref)
		if err != nil {
			done <- result{nil, err}
			return
		}
		signature, err := key.Sign(rand.Reader, digest, opts)
		done <- result{signature, err}
	}()
	select {
	case r := <-done:
		return r.signature, r.err
	case <-ctx.Done():
		return nil, fmt.Errorf("sign in the token: %w", ctx.Err())
	}
}

// Destroy implements jwks.Signer.
func (h *hsm) Destroy(_ context.Context, ref string) error {
	key, err := h.find(ref)
	if err != nil {
		return err
	}
	h.found.Delete(ref)
	return key.Delete()
}

func (h *hsm) find(ref string) (crypto11.Signer, error) {
	if key, ok := h.found.Load(ref); ok {
		return key.(crypto11.Signer), nil
	}
	key, err := h.token.FindKeyPair([]byte(ref), nil)
	if err != nil {
		return nil, fmt.Errorf("find key %s in the token: %w", ref, err)
	}
	if key == nil {
		return nil, fmt.Errorf("find key %s in the token: it is not there", ref)
	}
	h.found.Store(ref, key)
	return key, nil
}
