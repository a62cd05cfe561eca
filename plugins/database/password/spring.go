package password

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"strconv"
	"strings"
)

// springEncoder returns the parser for one of the ids that Spring's
// DelegatingPasswordEncoder writes, nil for any other.
func springEncoder(id, rest string) parser {
	switch id {
	case "bcrypt":
		return parseBcrypt
	case "noop":
		return func(p Policy, rest string) (Hash, error) { return plaintext(rest), p.permit(Plaintext) }
	case "pbkdf2":
		return springPBKDF2(sha1.New, 185_000, 8)
	case "pbkdf2@SpringSecurity_v5_8":
		return springPBKDF2(sha256.New, 310_000, 16)
	case "scrypt", "scrypt@SpringSecurity_v5_8":
		return parseSpringScrypt
	case "argon2", "argon2@SpringSecurity_v5_8":
		return parseArgon2
	case "sha256":
		return parseSpringSHA256
	case "ldap":
		return parseBraced
	case "MD5", "SHA-1", "SHA-256":
		if strings.HasPrefix(rest, "{") {
			return springDigest(id)
		}
	}
	return nil
}

// springPBKDF2 reads the hexadecimal salt and key.
func springPBKDF2(digest func() hash.Hash, rounds, size int) parser {
	return func(_ Policy, text string) (Hash, error) {
		raw, err := hex.DecodeString(text)
		if err != nil || len(raw) != size+32 {
			return Hash{}, ErrMalformed
		}
		return pbkdf2Hash(digest, rounds, raw[:size], raw[size:])
	}
}

// parseSpringScrypt reads $params$salt$key, where params is hexadecimal: log N,
// r and p in a byte each.
func parseSpringScrypt(_ Policy, text string) (Hash, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 4 {
		return Hash{}, ErrMalformed
	}
	v, err := strconv.ParseUint(parts[1], 16, 24)
	salt, err2 := base64.StdEncoding.DecodeString(parts[2])
	key, err3 := base64.StdEncoding.DecodeString(parts[3])
	if err != nil || err2 != nil || err3 != nil || v>>16 > 62 {
		return Hash{}, ErrMalformed
	}
	return scryptHash(1<<(v>>16), int(v>>8&0xff), int(v&0xff), salt, key)
}

// parseSpringSHA256 reads StandardPasswordEncoder's: SHA-256 a thousand times
// over salt and password.
func parseSpringSHA256(_ Policy, text string) (Hash, error) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != 8+sha256.Size {
		return Hash{}, ErrMalformed
	}
	return Hash{scheme: "spring-sha256", salt: raw[:8], key: raw[8:], derive: func(password string, salt []byte) []byte {
		sum := sha256.Sum256(append(salt[:len(salt):len(salt)], password...))
		for range 1023 {
			sum = sha256.Sum256(sum[:])
		}
		return sum[:]
	}}, nil
}

// springDigest reads {salt}hex of MessageDigestPasswordEncoder; the braces are
// part of the salt.
func springDigest(id string) parser {
	digest := map[string]func() hash.Hash{"MD5": md5.New, "SHA-1": sha1.New, "SHA-256": sha256.New}[id]
	return func(_ Policy, text string) (Hash, error) {
		end := strings.IndexByte(text, '}') + 1
		key, err := hex.DecodeString(text[end:])
		if err != nil || end == 0 || len(key) != digest().Size() {
			return Hash{}, ErrMalformed
		}
		h := digestHash("spring-"+strings.ToLower(id), digest, []byte(text[:end]), key)
		return h, h.affordable()
	}
}
