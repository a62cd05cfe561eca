package password

import (
	"crypto/sha256"
	"crypto/sha512"
	"strings"

	"github.com/go-crypt/x/crypt"
)

// parseSHACrypt reads $5$ and $6$[rounds=…$]salt$key.
func parseSHACrypt(_ Policy, text string) (Hash, error) {
	parts := strings.Split(text, "$")[1:]
	scheme, digest, size := "sha256-crypt", sha256.New, 43
	if parts[0] == "6" {
		scheme, digest, size = "sha512-crypt", sha512.New, 86
	}
	rounds := 5000
	if text, ok := strings.CutPrefix(parts[1], "rounds="); ok {
		rounds, ok = number(text)
		if !ok {
			return Hash{}, ErrMalformed
		}
		rounds = max(rounds, 1000)
		parts = parts[1:]
	}
	if len(parts) != 3 || len(parts[2]) != size {
		return Hash{}, ErrMalformed
	}
	if rounds > maxCryptRounds {
		return Hash{}, ErrTooCostly
	}
	salt := parts[1][:min(16, len(parts[1]))]
	return Hash{scheme: scheme, salt: []byte(salt), key: []byte(parts[2]), longest: longestStretched,
		derive: func(password string, salt []byte) []byte {
			return crypt.KeySHACrypt(digest, []byte(password), salt, rounds)
		}}, nil
}
