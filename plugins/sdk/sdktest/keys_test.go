package sdktest_test

import (
	"cmp"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
)

// vault is a plugin that holds keys: those of a safe, which all of its
// processes share. It does everything right, unless told otherwise.
type vault struct {
	sdk.OnlySigner
	*safe
	sign func(crypto.Signer, []byte, crypto.SignerOpts) ([]byte, error) // instead of the key's own
}

type safe struct {
	mu    sync.Mutex
	keys  map[string]crypto.Signer
	stuck string // the one ref that is ever handed out
}

func newSafe() *safe { return &safe{keys: map[string]crypto.Signer{}} }

func (v *vault) Describe() sdk.Description { return sdk.Description{Name: "vault", Version: "1.0.0"} }

func (v *vault) Generate(_ context.Context, algorithm string) (string, crypto.PublicKey, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if key, ok := v.keys[v.stuck]; ok {
		return v.stuck, key.Public(), nil
	}
	var key crypto.Signer
	var err error
	switch {
	case algorithm == "ES256":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case algorithm == "EdDSA":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	case strings.HasSuffix(algorithm, "S256"):
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	default:
		err = errors.ErrUnsupported
	}
	ref := cmp.Or(v.stuck, rand.Text())
	if err != nil {
		return "", nil, err
	}
	v.keys[ref] = key
	return ref, key.Public(), nil
}

func (v *vault) Sign(_ context.Context, ref string, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	v.mu.Lock()
	key, ok := v.keys[ref]
	v.mu.Unlock()
	switch {
	case !ok:
		return nil, errors.New("no such key")
	case v.sign != nil:
		return v.sign(key, digest, opts)
	}
	return key.Sign(rand.Reader, digest, opts)
}

func (v *vault) Destroy(_ context.Context, ref string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.keys, ref)
	return nil
}

func TestAGoodSignerPasses(t *testing.T) {
	keys := newSafe()
	sdktest.Run(t, sdktest.Plugin{New: func() sdk.Authenticator { return &vault{safe: keys} }})
	if len(keys.keys) > 0 {
		t.Errorf("%d keys are left over", len(keys.keys))
	}
}

// Of a plugin that holds keys and judges nobody, no server asks for a person.
func TestOnlySignerJudgesNobody(t *testing.T) {
	s, err := sdktest.Open(t.Context(), sdktest.Plugin{New: func() sdk.Authenticator { return &vault{safe: newSafe()} }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, kind := range []sdk.Kind{sdk.Password, sdk.APIKey, sdk.Assertion} {
		if s.Describe().Judges(kind) {
			t.Errorf("it judges %s", kind)
		}
	}
}

func TestBadSignersFail(t *testing.T) {
	for _, tt := range []struct {
		name, check, want string
		new               func() sdk.Authenticator
	}{
		{"signs another digest", "keys of each algorithm", "is not one of its", func() sdk.Authenticator {
			return &vault{safe: newSafe(), sign: func(k crypto.Signer, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
				return k.Sign(rand.Reader, make([]byte, len(digest)), opts)
			}}
		}},
		{"signs with r and s alone", "keys of each algorithm", "is not one of its", func() sdk.Authenticator {
			return &vault{safe: newSafe(), sign: func(crypto.Signer, []byte, crypto.SignerOpts) ([]byte, error) {
				return make([]byte, 64), nil
			}}
		}},
		{"signs with nothing", "keys of each algorithm", "a signature of 0 bytes", func() sdk.Authenticator {
			return &vault{safe: newSafe(), sign: func(crypto.Signer, []byte, crypto.SignerOpts) ([]byte, error) { return nil, nil }}
		}},
		{"panics", "200 concurrent signatures", "the plugin panicked", func() sdk.Authenticator {
			return &vault{safe: newSafe(), sign: func(crypto.Signer, []byte, crypto.SignerOpts) ([]byte, error) { panic("no slot") }}
		}},
		{"hands out one key", "keys apart", "one key twice", func() sdk.Authenticator {
			return &vault{safe: &safe{keys: map[string]crypto.Signer{}, stuck: "the key"}}
		}},
		{"keeps keys to one process", "keys apart", "no such key", func() sdk.Authenticator { return &vault{safe: newSafe()} }},
		{"calls its key nothing", "keys of each algorithm", "of no algorithm", func() sdk.Authenticator { return nameless{&vault{safe: newSafe()}} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := sdktest.Open(t.Context(), sdktest.Plugin{New: tt.new})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			for _, check := range sdktest.Checks() {
				if check.Name != tt.check {
					continue
				}
				if err := check.Run(t.Context(), s); err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%v, want %q", err, tt.want)
				}
			}
		})
	}
}

type nameless struct{ *vault }

func (n nameless) Generate(ctx context.Context, algorithm string) (string, crypto.PublicKey, error) {
	_, public, err := n.vault.Generate(ctx, algorithm)
	return "", public, err
}
