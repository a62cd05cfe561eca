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
)

// token holds keys in a PKCS#11 token. A key is called by its CKA_ID, which is
// random.
type token struct {
	pkcs11 *crypto11.Context
	found  sync.Map // crypto11.Signer by what it is called; to find one takes longer than to sign
}

// openToken opens a token by the library of its maker.
func openToken(library, label, pin string) (*token, error) {
	pkcs11, err := crypto11.Configure(&crypto11.Config{Path: library, TokenLabel: label, Pin: pin})
	if err != nil {
		return nil, fmt.Errorf("open PKCS#11 token %q: %w", label, err)
	}
	return &token{pkcs11: pkcs11}, nil
}

// generate makes a key pair, whose private half is not extractable.
func (t *token) generate(algorithm string) (ref string, public crypto.PublicKey, err error) {
	ref = rand.Text()
	key, err := t.newKey([]byte(ref), algorithm)
	if err != nil {
		return "", nil, fmt.Errorf("generate %s key in the token: %w", algorithm, err)
	}
	return ref, key.Public(), nil
}

func (t *token) newKey(id []byte, algorithm string) (crypto.Signer, error) {
	label := []byte("claimsmith " + algorithm)
	switch {
	case algorithm == "ES256":
		return t.pkcs11.GenerateECDSAKeyPairWithLabel(id, label, elliptic.P256())
	case algorithm == "ES384":
		return t.pkcs11.GenerateECDSAKeyPairWithLabel(id, label, elliptic.P384())
	case strings.HasPrefix(algorithm, "RS") || strings.HasPrefix(algorithm, "PS"):
		return t.pkcs11.GenerateRSAKeyPairWithLabel(id, label, 2048)
	}
	return nil, errors.ErrUnsupported // crypto11 knows no Ed25519
}

// sign signs in the token. PKCS#11 cannot be interrupted: a call that ctx gives
// up goes on in there.
func (t *token) sign(ctx context.Context, ref string, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	type result struct {
		signature []byte
		err       error
	}
	done := make(chan result, 1)
	go func() {
		key, err := t.find(ref)
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

func (t *token) destroy(ref string) error {
	key, err := t.find(ref)
	if err != nil {
		return err
	}
	t.found.Delete(ref)
	return key.Delete()
}

func (t *token) find(ref string) (crypto11.Signer, error) {
	if key, ok := t.found.Load(ref); ok {
		return key.(crypto11.Signer), nil
	}
	key, err := t.pkcs11.FindKeyPair([]byte(ref), nil)
	if err != nil {
		return nil, fmt.Errorf("find key %s in the token: %w", ref, err)
	}
	if key == nil {
		return nil, fmt.Errorf("find key %s in the token: it is not there", ref)
	}
	t.found.Store(ref, key)
	return key, nil
}
