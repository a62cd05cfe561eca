package jwks

import (
	"context"
	"crypto"
	"crypto/rsa"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync/atomic"

	_ "crypto/sha256" // the hashes of the algorithms
	_ "crypto/sha512"
)

// ErrSigner is wrapped by the errors of calls for which a [Signer] did not sign
// or did not make a key, beside the Signer's own error.
var ErrSigner = errors.New("the signer outside failed")

// A Signer holds private keys where this process cannot read them: in a PKCS#11
// token, in the key service of a cloud. The ring keeps what a key is called
// there, sealed, and everything public. It is safe for concurrent use, and its
// calls end when ctx does.
type Signer interface {
	// Generate returns a key pair for an algorithm of [Algorithms], what it is
	// called and its public half: one that it makes, or one that was made
	// beforehand and is in no set yet.
	Generate(ctx context.Context, algorithm string) (ref string, public crypto.PublicKey, err error)

	// Sign signs a digest as the Sign of a crypto.Signer does, whose place it
	// takes: with ECDSA the signature is ASN.1, with RSA opts may be
	// *rsa.PSSOptions, and for Ed25519 digest is the message and opts.HashFunc
	// is 0.
	Sign(ctx context.Context, ref string, digest []byte, opts crypto.SignerOpts) (signature []byte, err error)

	// Destroy removes a key pair that is gone, or was made in vain. If that
	// fails it is logged, and not tried again.
	Destroy(ctx context.Context, ref string) error
}

// referencePrefix tells the name of a key that is held elsewhere from a private
// key: PKCS #8 begins with another byte.
const referencePrefix = "ref:"

func reference(ref string) []byte { return []byte(referencePrefix + ref) }

func referenceIn(private []byte) (ref string, ok bool) {
	return strings.CutPrefix(string(private), referencePrefix)
}

// A remoteSigner has its private key in a Signer.
type remoteSigner struct {
	holder Signer
	ref    string
	public *material
	hash   crypto.Hash // 0 for Ed25519
	opts   crypto.SignerOpts
	size   int         // of each half of an ECDSA signature; 0 for others
	proved atomic.Bool // a signature of it was verified
}

func (c Config) outsideSigner(m *material, ref string) (signer, error) {
	if c.Signer == nil {
		return nil, fmt.Errorf("open key %s: it is held by a signer outside, and Config.Signer is nil", m.kid)
	}
	s := &remoteSigner{holder: c.Signer, ref: ref, public: m}
	name := m.algorithm.method.Alg()
	switch name[2:] {
	case "256":
		s.hash = crypto.SHA256
	case "384":
		s.hash = crypto.SHA384
	case "512":
		s.hash = crypto.SHA512
	}
	s.opts = s.hash
	switch name[:2] {
	case "PS":
		s.opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: s.hash}
	case "ES":
		s.size = s.hash.Size() // P-256 with SHA-256, P-384 with SHA-384
	}
	return s, nil
}

// Sign verifies the first signature: a Signer that calls another key by this
// name would have every service reject what follows.
func (s *remoteSigner) Sign(ctx context.Context, input string) ([]byte, error) {
	signature, err := s.sign(ctx, input)
	if err == nil && !s.proved.Load() {
		if err = s.public.algorithm.method.Verify(input, signature, s.public.public); err != nil {
			err = errors.New("its signature is not one of the key that it goes by")
		}
		s.proved.Store(err == nil)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSigner, err)
	}
	return signature, nil
}

func (s *remoteSigner) sign(ctx context.Context, input string) ([]byte, error) {
	digest := []byte(input)
	if s.hash != 0 {
		h := s.hash.New()
		h.Write(digest)
		digest = h.Sum(nil)
	}
	signature, err := s.holder.Sign(ctx, s.ref, digest, s.opts)
	if err != nil || s.size == 0 {
		return signature, err
	}
	var of struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(signature, &of); err != nil || len(rest) > 0 || !s.fits(of.R) || !s.fits(of.S) {
		return nil, errors.New("it returned no ECDSA signature")
	}
	signature = make([]byte, 2*s.size)
	of.R.FillBytes(signature[:s.size])
	of.S.FillBytes(signature[s.size:])
	return signature, nil
}

func (s *remoteSigner) fits(n *big.Int) bool { return n.Sign() > 0 && n.BitLen() <= 8*s.size }

// destroy removes keys that are held outside.
func (r *Ring) destroy(ctx context.Context, keys []Key) {
	if r.config.Signer == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	for _, k := range keys {
		private, err := r.config.Sealer.Open(r.config.Issuer, k.Algorithm, k.KID, k.Sealed)
		ref, ok := referenceIn(private)
		clear(private)
		if err == nil && ok {
			err = r.config.Signer.Destroy(ctx, ref)
		}
		if err != nil {
			r.log.Error("key is left over in the signer outside", "key", k, "error", err)
		}
	}
}
