package password

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// parseDjango reads what Django's default hashers write.
func parseDjango(p Policy, text string) (Hash, error) {
	algorithm, rest, _ := strings.Cut(text, "$")
	switch algorithm {
	case "pbkdf2_sha256", "pbkdf2_sha1":
		return parseDjangoPBKDF2(algorithm, rest)
	case "bcrypt":
		return parseBcrypt(p, rest)
	case "bcrypt_sha256":
		h, err := parseBcrypt(p, rest)
		return h.before("bcrypt-sha256", sha256Hex), err
	case "argon2":
		return parseArgon2(p, "$"+rest)
	case "scrypt":
		return parseDjangoScrypt(rest)
	}
	return Hash{}, ErrUnknown
}

func parseDjangoPBKDF2(algorithm, rest string) (Hash, error) {
	parts := strings.Split(rest, "$")
	if len(parts) != 3 {
		return Hash{}, ErrMalformed
	}
	digest := sha256.New
	if algorithm == "pbkdf2_sha1" {
		digest = sha1.New
	}
	rounds, ok := number(parts[0])
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if !ok || err != nil {
		return Hash{}, ErrMalformed
	}
	return pbkdf2Hash(digest, rounds, []byte(parts[1]), key)
}

// parseDjangoScrypt reads N$salt$r$p$key.
func parseDjangoScrypt(rest string) (Hash, error) {
	parts := strings.Split(rest, "$")
	if len(parts) != 5 {
		return Hash{}, ErrMalformed
	}
	n, ok := number(parts[0])
	r, ok2 := number(parts[2])
	p, ok3 := number(parts[3])
	key, err := base64.StdEncoding.DecodeString(parts[4])
	if !ok || !ok2 || !ok3 || err != nil {
		return Hash{}, ErrMalformed
	}
	return scryptHash(n, r, p, []byte(parts[1]), key)
}
