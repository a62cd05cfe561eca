package sdk

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/claimsmith/claimsmith/plugins/sdk/internal/pluginpb"
)

// Signer is a plugin that holds the keys that tokens are signed with, in a
// PKCS#11 token or the key service of a cloud: they never enter the server. It
// signs for each issuer whose configuration names it in keys.signer. Any error
// counts as ErrUnavailable. It must honour ctx, and be safe for concurrent use.
// A plugin that judges no credentials beside embeds [OnlySigner].
type Signer interface {
	// Generate returns a key pair that is used nowhere else, for an algorithm
	// as in a token's alg (ES256, RS256 …), and what it is called here, in at
	// most 1 KiB: one that it makes, or the next of those that others made for
	// it. It is called when a successor is due.
	Generate(ctx context.Context, algorithm string) (ref string, public crypto.PublicKey, err error)

	// Sign signs a digest as the Sign of a crypto.Signer does: with ECDSA the
	// signature is ASN.1, with RSA opts may be *rsa.PSSOptions, and for Ed25519
	// digest is the message and opts.HashFunc() is 0.
	Sign(ctx context.Context, ref string, digest []byte, opts crypto.SignerOpts) (signature []byte, err error)

	// Destroy is told that no token of the key is alive any more, or that the
	// key was made in vain. It is told once. Nothing has to happen.
	Destroy(ctx context.Context, ref string) error
}

// OnlySigner is embedded by a plugin that holds keys and judges no credential:
// it makes the plugin an Authenticator that knows nobody.
type OnlySigner struct{}

// Authenticate returns ErrUnknown.
func (OnlySigner) Authenticate(context.Context, Request) (Identity, error) {
	return Identity{}, ErrUnknown
}

func (OnlySigner) judgesNobody() {}

// noKind is judged by who judges nothing: no list at all would mean everything.
const noKind Kind = "none"

// What a Signer answers is bounded beside what limits.go says.
const (
	maxPublicKey = 4 << 10 // bytes; an RSA key of 8192 bits has 1 KiB
	maxSignature = 1 << 10 // bytes; that of such a key
)

// Generate returns an error that wraps errors.ErrUnsupported where the plugin
// lacks the ability, as Sign and Destroy do.
func (c *Client) Generate(ctx context.Context, algorithm string) (ref string, public crypto.PublicKey, err error) {
	if !c.description.Can(AbilitySign) {
		return "", nil, fmt.Errorf("generate key: %w", errors.ErrUnsupported)
	}
	m, err := c.rpc.GenerateKey(ctx, &pluginpb.GenerateKeyRequest{Algorithm: algorithm}, sized...)
	if err != nil {
		return "", nil, broken(ctx, err, "")
	}
	if m.GetFailure() != nil {
		return "", nil, unavailableFromWire(m.GetFailure())
	}
	if err := checkRef(m.GetRef()); err != nil {
		return "", nil, Unavailable(err)
	}
	if public, err = publicFromWire(m.GetPublicKey()); err != nil {
		return "", nil, Unavailable(err)
	}
	return m.GetRef(), public, nil
}

// Sign asks the plugin once; what failed is never repeated.
func (c *Client) Sign(ctx context.Context, ref string, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if !c.description.Can(AbilitySign) {
		return nil, fmt.Errorf("sign: %w", errors.ErrUnsupported)
	}
	m, err := c.rpc.Sign(ctx, signToWire(ref, digest, opts), sized...)
	if err != nil {
		return nil, broken(ctx, err, "")
	}
	switch n := len(m.GetSignature()); {
	case m.GetFailure() != nil:
		return nil, unavailableFromWire(m.GetFailure())
	case n == 0 || n > maxSignature:
		return nil, Unavailable(fmt.Errorf("a signature of %d bytes", n))
	}
	return m.GetSignature(), nil
}

// Destroy asks the plugin once.
func (c *Client) Destroy(ctx context.Context, ref string) error {
	if !c.description.Can(AbilitySign) {
		return fmt.Errorf("destroy key: %w", errors.ErrUnsupported)
	}
	m, err := c.rpc.DestroyKey(ctx, &pluginpb.DestroyKeyRequest{Ref: ref}, sized...)
	if err != nil {
		return broken(ctx, err, "")
	}
	if m.GetFailure() != nil {
		return unavailableFromWire(m.GetFailure())
	}
	return nil
}

// unavailableFromWire is failureFromWire for what concerns no principal.
func unavailableFromWire(f *pluginpb.Failure) error {
	err := failureFromWire(f, "")
	if !errors.Is(err, ErrUnavailable) {
		err = Unavailable(err)
	}
	return err
}

func checkRef(ref string) error {
	if ref == "" || !wellFormed(ref, MaxString) {
		return fmt.Errorf("what the key is called is not 1 to %d bytes of UTF-8 without NUL", MaxString)
	}
	return nil
}

func publicFromWire(der []byte) (crypto.PublicKey, error) {
	if len(der) > maxPublicKey {
		return nil, fmt.Errorf("a public key of %d bytes, more than %d", len(der), maxPublicKey)
	}
	public, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, fmt.Errorf("bad public key: %w", err)
	}
	return public, nil
}

// hashes are those that tokens are signed over, by their names on the wire.
var hashes = map[string]crypto.Hash{"": 0, "SHA256": crypto.SHA256, "SHA384": crypto.SHA384, "SHA512": crypto.SHA512}

func signToWire(ref string, digest []byte, opts crypto.SignerOpts) *pluginpb.SignRequest {
	m := &pluginpb.SignRequest{Ref: ref, Digest: digest}
	for name, hash := range hashes {
		if hash == opts.HashFunc() {
			m.Hash = name
		}
	}
	_, m.Pss = opts.(*rsa.PSSOptions)
	return m
}

// signFromWire returns how a digest is to be signed. A server that is newer may
// know a hash that we do not.
func signFromWire(m *pluginpb.SignRequest) (crypto.SignerOpts, error) {
	hash, ok := hashes[m.GetHash()]
	switch {
	case !ok:
		return nil, fmt.Errorf("hash %q is not known", clean(m.GetHash(), ""))
	case hash != 0 && len(m.GetDigest()) != hash.Size():
		return nil, fmt.Errorf("a digest of %d bytes is none of %s", len(m.GetDigest()), m.GetHash())
	case m.GetPss():
		return &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}, nil
	}
	return hash, nil
}
