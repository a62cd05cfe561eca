package password

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/go-crypt/x/bcrypt"
)

// bcryptLongest is how much of a password bcrypt looks at. A longer one does
// not match, unless the policy allows [BcryptTruncated]: letting it match by
// its beginning would make the rest of it worth nothing, unseen.
const bcryptLongest = 72

// parseBcrypt reads $2a$, $2b$ and $2y$, which agree on every password of at
// most 72 bytes; not $2x$, which is another function.
func parseBcrypt(p Policy, text string) (Hash, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 4 || len(parts[2]) != 2 || len(parts[3]) != bcrypt.EncodedSaltSize+bcrypt.EncodedHashSize {
		return Hash{}, ErrMalformed
	}
	switch parts[1] {
	case "2a", "2b", "2y":
	default:
		return Hash{}, ErrUnknown
	}
	salt, key := parts[3][:bcrypt.EncodedSaltSize], parts[3][bcrypt.EncodedSaltSize:]
	h, err := bcryptHash(parts[2], salt, key)
	h.longest, h.cut = bcryptLongest, p.allowed[BcryptTruncated]
	return h, err
}

func bcryptHash(cost, salt, key string) (Hash, error) {
	rounds, ok := number(cost)
	raw, err := bcrypt.Base64Decode([]byte(salt))
	if !ok || err != nil || rounds < bcrypt.MinCost || len(key) != bcrypt.EncodedHashSize {
		return Hash{}, ErrMalformed
	}
	if rounds > maxBcryptCost {
		return Hash{}, ErrTooCostly
	}
	return Hash{scheme: "bcrypt", salt: raw, key: []byte(key), derive: func(password string, salt []byte) []byte {
		key, err := bcrypt.Key([]byte(password), salt, rounds)
		if err != nil {
			return nil
		}
		return key
	}}, nil
}

// before returns the hash with the password changed by f before it is hashed.
func (h Hash) before(scheme string, f func(password string) string) Hash {
	derive := h.derive
	h.scheme, h.longest = scheme, 0
	h.derive = func(password string, salt []byte) []byte { return derive(f(password), salt) }
	return h
}

// parseBcryptSHA256 reads passlib's $bcrypt-sha256$v=2,t=2b,r=12$salt$key.
func parseBcryptSHA256(_ Policy, text string) (Hash, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 5 {
		return Hash{}, ErrMalformed
	}
	cost, ok := strings.CutPrefix(parts[2], "v=2,t=2b,r=")
	salt := parts[3]
	if !ok || len(salt) != bcrypt.EncodedSaltSize {
		return Hash{}, ErrMalformed
	}
	h, err := bcryptHash(cost, salt, parts[4])
	return h.before("bcrypt-sha256", func(password string) string {
		mac := hmac.New(sha256.New, []byte(salt))
		mac.Write([]byte(password))
		return base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}), err
}

// parseWordPress reads $wp$2y$…, of WordPress 6.8 and later.
func parseWordPress(p Policy, text string) (Hash, error) {
	h, err := parseBcrypt(p, strings.TrimPrefix(text, "$wp"))
	h = h.before("wordpress", func(password string) string {
		mac := hmac.New(sha512.New384, []byte("wp-sha384"))
		mac.Write([]byte(trimmed(password)))
		return base64.StdEncoding.EncodeToString(mac.Sum(nil))
	})
	h.trims = true
	return h, err
}

// trimmed is PHP's trim.
func trimmed(password string) string { return strings.Trim(password, " \t\n\r\x00\x0b") }

func sha256Hex(password string) string {
	sum := sha256.Sum256([]byte(password))
	return hex.EncodeToString(sum[:])
}
