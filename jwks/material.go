package jwks

import (
	"context"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/claimsmith/claimsmith/jwks/internal/jwk"
	"github.com/claimsmith/claimsmith/jwks/internal/jws"
)

// material is what a process makes of a row once, however its times change.
type material struct {
	kid       string
	algorithm *algorithm
	public    crypto.PublicKey
	headers   atomic.Pointer[map[string]string] // by typ: the encoded header and its dot
}

// maxHeaders bounds the headers that are kept for a key; a program has a typ or
// two.
const maxHeaders = 16

// readMaterial parses the public part of a row of a known algorithm.
func readMaterial(k Key) (*material, error) {
	public, err := jwk.Parse(k.Public)
	if err != nil {
		return nil, fmt.Errorf("read key %s: %w", k.KID, err)
	}
	a := algorithms[k.Algorithm]
	if public.KID != k.KID || public.Algorithm != k.Algorithm || !a.fits(public.Public) {
		return nil, fmt.Errorf("read key %s: its public key is for kid %q and algorithm %q, its row says %s", k.KID, public.KID, public.Algorithm, k.Algorithm)
	}
	return &material{kid: k.KID, algorithm: a, public: public.Public}, nil
}

// header returns the encoded header for typ, with the dot that follows it.
func (m *material) header(typ string) (string, error) {
	kept := m.headers.Load()
	if kept != nil {
		if h, ok := (*kept)[typ]; ok {
			return h, nil
		}
	}
	raw, err := json.Marshal(struct {
		Alg string `json:"alg"`
		KID string `json:"kid"`
		Typ string `json:"typ"`
	}{m.algorithm.method.Alg(), m.kid, typ})
	if err != nil {
		return "", fmt.Errorf("encode header: %w", err)
	}
	h := base64.RawURLEncoding.EncodeToString(raw) + "."
	next := map[string]string{typ: h}
	if kept != nil {
		maps.Copy(next, *kept)
	}
	if len(next) <= maxHeaders {
		m.headers.CompareAndSwap(kept, &next) // who loses the race encodes once more
	}
	return h, nil
}

var buffers = sync.Pool{New: func() any { return new([]byte) }}

// token returns claims signed by s.
func (m *material) token(ctx context.Context, s signer, typ string, claims []byte) (string, error) {
	header, err := m.header(typ)
	if err != nil {
		return "", err
	}
	p := buffers.Get().(*[]byte)
	defer buffers.Put(p)
	b := append((*p)[:0], header...)
	b = base64.RawURLEncoding.AppendEncode(b, claims)
	signature, err := s.Sign(ctx, string(b))
	if err != nil {
		return "", fmt.Errorf("with key %s: %w", m.kid, err)
	}
	b = base64.RawURLEncoding.AppendEncode(append(b, '.'), signature)
	*p = b
	if len(b) > jws.MaxSize {
		return "", fmt.Errorf("token would have %d bytes, more than the %d that are accepted", len(b), jws.MaxSize)
	}
	return string(b), nil
}
