package jwks

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// ErrMasterKey is wrapped by the errors of a [Sealer] that lacks the master key
// that something was sealed with, or has another key under its id.
var ErrMasterKey = errors.New("master key does not fit")

const (
	sealVersion    = 1
	sealSalt       = 32 // bytes
	sealOverhead   = 12 + 16
	minMasterBytes = 32
	maxMasterID    = 64
)

// A Sealer encrypts keys at rest: AES-256-GCM under a key that HKDF-SHA256
// derives from a master key and a salt of its own, bound to the issuer, the
// algorithm and the kid, so that a row that is moved to another place no longer
// opens. It never prints what it holds.
//
// What is sealed reads: version (1 byte), length of the master key's id
// (1 byte), the id, salt (32 bytes), nonce (12 bytes), ciphertext and tag.
type Sealer struct {
	masters map[string]master
	current string
}

// A master derives a key of 32 bytes from a master key. It is a function and
// not the bytes because package fmt, which reflects, cannot look into one.
type master func(salt []byte, purpose string) ([]byte, error)

// NewSealer returns a Sealer that seals under the master key whose id is
// current, and opens what was sealed under any of masterKeys. A master key is
// at least 32 bytes from a good random source; an id has at most 64 bytes and
// no colon.
func NewSealer(masterKeys map[string][]byte, current string) (*Sealer, error) {
	s := &Sealer{masters: make(map[string]master, len(masterKeys)), current: current}
	for id, secret := range masterKeys {
		if id == "" || len(id) > maxMasterID || strings.Contains(id, ":") {
			return nil, fmt.Errorf("master key id %q: want 1 to %d bytes and no colon", id, maxMasterID)
		}
		if len(secret) < minMasterBytes {
			return nil, fmt.Errorf("master key %q: %d bytes are too few, want at least %d", id, len(secret), minMasterBytes)
		}
		secret = bytes.Clone(secret)
		s.masters[id] = func(salt []byte, purpose string) ([]byte, error) {
			return hkdf.Key(sha256.New, secret, salt, purpose, 32)
		}
	}
	if _, ok := s.masters[current]; !ok {
		return nil, fmt.Errorf("current master key %q: %w: it is not among those given", current, ErrMasterKey)
	}
	return s, nil
}

// Current returns the id of the master key that Seal uses.
func (s *Sealer) Current() string { return s.current }

// Seal encrypts a private key or secret for the place that issuer, algorithm
// and kid name.
func (s *Sealer) Seal(issuer, algorithm, kid string, private []byte) ([]byte, error) {
	head := append([]byte{sealVersion, byte(len(s.current))}, s.current...)
	salt := make([]byte, sealSalt)
	rand.Read(salt)
	aead, err := s.aead(s.current, salt)
	if err != nil {
		return nil, fmt.Errorf("seal key %s: %w", kid, err)
	}
	out := make([]byte, 0, len(head)+sealSalt+sealOverhead+len(private))
	out = append(append(out, head...), salt...)
	return aead.Seal(out, nil, private, sealContext(head, issuer, algorithm, kid)), nil
}

// Open decrypts what Seal returned for the same issuer, algorithm and kid. The
// error wraps [ErrMasterKey] if the master key is missing or another one; it
// cannot tell the latter from sealed bytes that were changed or moved.
func (s *Sealer) Open(issuer, algorithm, kid string, sealed []byte) ([]byte, error) {
	id, head, err := sealedUnder(sealed)
	if err != nil {
		return nil, fmt.Errorf("open key %s: %w", kid, err)
	}
	rest := sealed[len(head):]
	if len(rest) < sealSalt+sealOverhead {
		return nil, fmt.Errorf("open key %s: sealed bytes are cut short", kid)
	}
	aead, err := s.aead(id, rest[:sealSalt])
	if err != nil {
		return nil, fmt.Errorf("open key %s: %w", kid, err)
	}
	private, err := aead.Open(nil, nil, rest[sealSalt:], sealContext(head, issuer, algorithm, kid))
	if err != nil {
		return nil, fmt.Errorf("open key %s: %w: master key %q did not seal it for this issuer, or its row was changed", kid, ErrMasterKey, id)
	}
	return private, nil
}

// CheckValue returns a value that tells the current master key from any other
// and reveals neither. A caller stores it when storage is set up, and gives it
// to Verify at each start.
func (s *Sealer) CheckValue() string {
	return s.current + ":" + base64.RawURLEncoding.EncodeToString(s.check(s.current))
}

// Verify reports whether the master keys include the one that check, a former
// CheckValue, was made with. If not, the error wraps [ErrMasterKey] and names
// its id.
func (s *Sealer) Verify(check string) error {
	id, value, ok := strings.Cut(check, ":")
	sum, err := base64.RawURLEncoding.DecodeString(value)
	if !ok || err != nil {
		return errors.New("check master key: the check value is malformed")
	}
	if _, ok := s.masters[id]; !ok {
		return fmt.Errorf("check master key: %w: %q is missing", ErrMasterKey, id)
	}
	if subtle.ConstantTimeCompare(sum, s.check(id)) != 1 {
		return fmt.Errorf("check master key: %w: the key given as %q is not the one that this storage was set up with", ErrMasterKey, id)
	}
	return nil
}

// Format writes the ids of the master keys for every verb.
func (s Sealer) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.redacted()) }

// LogValue shows the id of the current master key.
func (s Sealer) LogValue() slog.Value { return slog.StringValue(s.redacted()) }

// MarshalText shows the id of the current master key.
func (s Sealer) MarshalText() ([]byte, error) { return []byte(s.redacted()), nil }

func (s Sealer) redacted() string { return "sealer with master key " + s.current }

func (s *Sealer) check(id string) []byte {
	sum, err := s.masters[id](nil, "jwks master key check 1")
	if err != nil {
		panic(err) // only for a length beyond what SHA-256 can give
	}
	return sum[:16]
}

func (s *Sealer) aead(id string, salt []byte) (cipher.AEAD, error) {
	derive, ok := s.masters[id]
	if !ok {
		return nil, fmt.Errorf("%w: %q is missing", ErrMasterKey, id)
	}
	key, err := derive(salt, "jwks sealed key 1")
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// sealedUnder returns the id of the master key and the head that carries it.
func sealedUnder(sealed []byte) (id string, head []byte, err error) {
	if len(sealed) < 2 || len(sealed) < 2+int(sealed[1]) {
		return "", nil, errors.New("sealed bytes are cut short")
	}
	if sealed[0] != sealVersion {
		return "", nil, fmt.Errorf("sealed in format %d, which this version does not know", sealed[0])
	}
	head = sealed[:2+int(sealed[1])]
	return string(head[2:]), head, nil
}

// sealContext is what a sealed key is bound to; lengths keep the parts apart.
func sealContext(head []byte, parts ...string) []byte {
	out := bytes.Clone(head)
	for _, p := range parts {
		out = binary.BigEndian.AppendUint32(out, uint32(len(p)))
		out = append(out, p...)
	}
	return out
}
