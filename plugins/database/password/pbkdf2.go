package password

import (
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"hash"
	"strings"
)

// adapted is passlib's base64: a dot for the plus sign, no padding.
var adapted = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./").WithPadding(base64.NoPadding)

// parsePBKDF2 reads $pbkdf2$…, $pbkdf2-sha256$… and $pbkdf2-sha512$rounds$salt$key.
func parsePBKDF2(_ Policy, text string) (Hash, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 5 {
		return Hash{}, ErrMalformed
	}
	digest := map[string]func() hash.Hash{
		"pbkdf2": sha1.New, "pbkdf2-sha256": sha256.New, "pbkdf2-sha512": sha512.New,
	}[parts[1]]
	if digest == nil {
		return Hash{}, ErrUnknown
	}
	rounds, ok := number(parts[2])
	salt, err := adapted.DecodeString(parts[3])
	key, err2 := adapted.DecodeString(parts[4])
	if !ok || err != nil || err2 != nil {
		return Hash{}, ErrMalformed
	}
	return pbkdf2Hash(digest, rounds, salt, key)
}

func pbkdf2Hash(digest func() hash.Hash, rounds int, salt, key []byte) (Hash, error) {
	h := Hash{scheme: "pbkdf2", salt: salt, key: key, derive: func(password string, salt []byte) []byte {
		key, err := pbkdf2.Key(digest, password, salt, rounds, len(key))
		if err != nil {
			return nil
		}
		return key
	}}
	if err := h.affordable(); err != nil {
		return Hash{}, err
	}
	blocks := (len(key) + digest().Size() - 1) / digest().Size()
	if rounds > maxPBKDF2Work/blocks {
		return Hash{}, ErrTooCostly
	}
	return h, nil
}
