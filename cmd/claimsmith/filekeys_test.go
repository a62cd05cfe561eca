package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// keysInFiles is the argument that makes the test binary a plugin that holds
// keys in a directory, which stands for a token that several processes share.
const keysInFiles = "keys-in-files"

// fileKeys is that plugin. It signs nothing while there is a file "down".
type fileKeys struct {
	sdk.OnlySigner
	dir string
}

func (f *fileKeys) Describe() sdk.Description {
	return sdk.Description{Name: "filekeys", Version: "1.0.0"}
}

func (f *fileKeys) Generate(_ context.Context, algorithm string) (string, crypto.PublicKey, error) {
	if algorithm != "ES256" {
		return "", nil, fmt.Errorf("algorithm %s: %w", algorithm, errors.ErrUnsupported)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", nil, err
	}
	ref := rand.Text()
	return ref, key.Public(), os.WriteFile(filepath.Join(f.dir, ref+".key"), der, 0o600)
}

func (f *fileKeys) Sign(_ context.Context, ref string, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if _, err := os.Stat(filepath.Join(f.dir, "down")); err == nil {
		return nil, errors.New("the token is out of reach")
	}
	der, err := os.ReadFile(filepath.Join(f.dir, ref+".key"))
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	return key.(crypto.Signer).Sign(rand.Reader, digest, opts)
}

func (f *fileKeys) Destroy(_ context.Context, ref string) error {
	return os.Remove(filepath.Join(f.dir, ref+".key"))
}

// keyFiles returns how many keys the plugin holds.
func keyFiles(t *testing.T, dir string) int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.key"))
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}
