package apikey

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"strings"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

const (
	prefix       = "csk_"
	idSize       = 11
	secretSize   = 43
	checksumSize = 6
	checkedSize  = len(prefix) + idSize + secretSize
	keySize      = checkedSize + checksumSize

	base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// ErrMalformed is that a text is no key of ours, or a mistyped one.
var ErrMalformed = errors.New("malformed API key")

// Key is what is kept of a key's text.
type Key struct {
	ID   string   // "" for a foreign key
	Hash [32]byte // SHA-256 of the text
}

// Parse takes a key of ours apart. It finds typing errors by the checksum and
// asks no database.
func Parse(text string) (Key, error) {
	if len(text) != keySize || !strings.HasPrefix(text, prefix) || text[checkedSize:] != checksum(text[:checkedSize]) {
		return Key{}, ErrMalformed
	}
	for _, c := range []byte(text[len(prefix):]) {
		if strings.IndexByte(base62, c) < 0 {
			return Key{}, ErrMalformed
		}
	}
	return Key{ID: text[len(prefix):][:idSize], Hash: sha256.Sum256([]byte(text))}, nil
}

// parseAny is Parse, but takes what does not look like a key of ours for a
// foreign one.
func parseAny(text string) (Key, error) {
	if strings.HasPrefix(text, prefix) {
		return Parse(text)
	}
	return Key{Hash: sha256.Sum256([]byte(text))}, nil
}

// generate makes a new key.
func generate() (Key, sdk.Secret) {
	text := prefix + random(idSize+secretSize)
	text += checksum(text)
	return Key{ID: text[len(prefix):][:idSize], Hash: sha256.Sum256([]byte(text))}, sdk.Secret(text)
}

// hash returns the hash as the table has it.
func (k Key) hash() string { return hex.EncodeToString(k.Hash[:]) }

// random returns base62 characters, each as likely as any other.
func random(size int) string {
	text := make([]byte, 0, size)
	var b [64]byte
	for {
		rand.Read(b[:])
		for _, v := range b {
			if v >= 4*62 { // what is left over would make some characters likelier
				continue
			}
			if text = append(text, base62[v%62]); len(text) == size {
				return string(text)
			}
		}
	}
}

func checksum(text string) string {
	sum := crc32.ChecksumIEEE([]byte(text))
	var digits [checksumSize]byte
	for i := range digits {
		digits[checksumSize-1-i] = base62[sum%62]
		sum /= 62
	}
	return string(digits[:])
}
