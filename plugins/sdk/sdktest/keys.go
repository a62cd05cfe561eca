package sdktest

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha512" // the hashes of some algorithms
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

const errNoKeys = Skip("the plugin holds no keys")

// algorithms are those that a plugin may be asked for keys of, and what signs
// with them is given. One that it lacks, it refuses.
var algorithms = []struct {
	name string
	opts crypto.SignerOpts
}{
	{"ES256", crypto.SHA256}, {"ES384", crypto.SHA384},
	{"RS256", crypto.SHA256}, {"RS384", crypto.SHA384}, {"RS512", crypto.SHA512},
	{"PS256", pss(crypto.SHA256)}, {"PS384", pss(crypto.SHA384)}, {"PS512", pss(crypto.SHA512)},
	{"EdDSA", crypto.Hash(0)},
}

func pss(h crypto.Hash) *rsa.PSSOptions {
	return &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: h}
}

// pair is a key pair that a plugin made.
type pair struct {
	name, ref string
	public    crypto.PublicKey
	opts      crypto.SignerOpts
}

// anyPair has the plugin make a key pair of the first algorithm that it knows.
func anyPair(ctx context.Context, client *sdk.Client) (p pair, err error) {
	for _, a := range algorithms {
		p = pair{name: a.name, opts: a.opts}
		if p.ref, p.public, err = client.Generate(ctx, a.name); err == nil {
			return p, nil
		}
	}
	return p, fmt.Errorf("it makes a key of no algorithm: %w", err)
}

// signs checks a signature of the pair over a text of its own.
func (p pair) signs(ctx context.Context, client *sdk.Client, text string) error {
	digest := []byte(text)
	if h := p.opts.HashFunc(); h != 0 {
		sum := h.New()
		sum.Write(digest)
		digest = sum.Sum(nil)
	}
	signature, err := client.Sign(ctx, p.ref, digest, p.opts)
	if err != nil {
		return fmt.Errorf("%s: sign: %w", p.name, err)
	}
	good := false
	switch public := p.public.(type) {
	case *ecdsa.PublicKey:
		good = ecdsa.VerifyASN1(public, digest, signature)
	case ed25519.PublicKey:
		good = ed25519.Verify(public, digest, signature)
	case *rsa.PublicKey:
		if opts, ok := p.opts.(*rsa.PSSOptions); ok {
			good = rsa.VerifyPSS(public, opts.Hash, digest, signature, opts) == nil
		} else {
			good = rsa.VerifyPKCS1v15(public, p.opts.HashFunc(), digest, signature) == nil
		}
	}
	if !good {
		return fmt.Errorf("%s: the signature is not one of its %T", p.name, p.public)
	}
	return nil
}

// everyAlgorithm has the plugin make, use and destroy keys of each algorithm.
func everyAlgorithm(ctx context.Context, s *Session) error {
	if !s.client.Describe().Can(sdk.AbilitySign) {
		return errNoKeys
	}
	known := 0
	for _, a := range algorithms {
		p := pair{name: a.name, opts: a.opts}
		var err error
		if p.ref, p.public, err = s.client.Generate(ctx, a.name); s.note(err) != nil {
			continue
		}
		known++
		for n := range 20 { // halves of an ECDSA signature may begin with zeros
			if err := p.signs(ctx, s.client, fmt.Sprint(a.name, n)); err != nil {
				return err
			}
		}
		if err := s.note(s.client.Destroy(ctx, p.ref)); err != nil {
			return fmt.Errorf("%s: destroy: %w", a.name, err)
		}
	}
	if known == 0 {
		return errors.New("it makes a key of no algorithm")
	}
	if _, _, err := s.client.Generate(ctx, "none"); !errors.Is(s.note(err), sdk.ErrUnavailable) {
		return fmt.Errorf("a key for the algorithm none: %w, want unavailable", orAccepted(err))
	}
	return nil
}

// keysAreApart checks that no key is handed out twice, that another process of
// the plugin signs with each, and that a key that is not there signs nothing.
func keysAreApart(ctx context.Context, s *Session) error {
	if !s.client.Describe().Can(sdk.AbilitySign) {
		return errNoKeys
	}
	a, err1 := anyPair(ctx, s.client)
	b, err2 := anyPair(ctx, s.client)
	if err := errors.Join(err1, err2); s.note(err) != nil {
		return err
	}
	defer s.client.Destroy(context.WithoutCancel(ctx), a.ref)
	defer s.client.Destroy(context.WithoutCancel(ctx), b.ref)
	if same, ok := a.public.(interface{ Equal(crypto.PublicKey) bool }); a.ref == b.ref || ok && same.Equal(b.public) {
		return errors.New("it handed out one key twice")
	}
	other, stop, err := s.start(ctx, s.plugin.Config)
	if s.note(err) != nil {
		return fmt.Errorf("start another while one serves: %w", err)
	}
	defer stop()
	for _, p := range []pair{a, b} {
		if err := p.signs(ctx, other, "another process"); err != nil {
			return fmt.Errorf("another process of it: %w", err)
		}
	}
	digest := sha256.Sum256(nil)
	if _, err := s.client.Sign(ctx, stranger, digest[:], crypto.SHA256); !errors.Is(s.note(err), sdk.ErrUnavailable) {
		return fmt.Errorf("sign with a key that is not there: %w, want unavailable", orAccepted(err))
	}
	return nil
}

// signTogether signs 200 times at once, with two keys.
func signTogether(ctx context.Context, s *Session) error {
	if !s.client.Describe().Can(sdk.AbilitySign) {
		return errNoKeys
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	a, err1 := anyPair(ctx, s.client)
	b, err2 := anyPair(ctx, s.client)
	if err := errors.Join(err1, err2); s.note(err) != nil {
		return err
	}
	pairs, faults := []pair{a, b}, make([]error, 200)
	var wg sync.WaitGroup
	for n := range faults {
		wg.Go(func() { faults[n] = pairs[n%2].signs(ctx, s.client, fmt.Sprint(n)) })
	}
	wg.Wait()
	for _, p := range pairs {
		faults = append(faults, s.note(s.client.Destroy(ctx, p.ref)))
	}
	return errors.Join(faults...)
}
