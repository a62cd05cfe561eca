package password

import (
	"encoding/base64"
	"strings"

	"github.com/go-crypt/x/yescrypt"
	"golang.org/x/crypto/scrypt"
)

// parseScrypt reads $scrypt$ln=…,r=…,p=…$salt$key.
func parseScrypt(_ Policy, text string) (Hash, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 5 {
		return Hash{}, ErrMalformed
	}
	v, ok := options(parts[2], "ln", "r", "p")
	salt, err := base64.RawStdEncoding.DecodeString(parts[3])
	key, err2 := base64.RawStdEncoding.DecodeString(parts[4])
	if !ok || err != nil || err2 != nil || v[0] > 62 {
		return Hash{}, ErrMalformed
	}
	return scryptHash(1<<v[0], v[1], v[2], salt, key)
}

func scryptHash(n, r, p int, salt, key []byte) (Hash, error) {
	h := Hash{scheme: "scrypt", salt: salt, key: key, memory: 128 * n * r, derive: func(password string, salt []byte) []byte {
		key, err := scrypt.Key([]byte(password), salt, n, r, p, len(key))
		if err != nil {
			return nil
		}
		return key
	}}
	switch {
	case n < 2 || n&(n-1) != 0 || r < 1 || p < 1:
		return Hash{}, ErrMalformed
	case n > maxScryptWork || r > maxScryptWork/n || p > maxScryptWork/n/r || n*r > maxMemory/128:
		return Hash{}, ErrTooCostly
	}
	return h, h.affordable()
}

// parseYescrypt reads $y$j…$salt$key, the default of Debian and Fedora; only
// with the flags, single lane and no extra passes that libxcrypt writes.
func parseYescrypt(_ Policy, text string) (Hash, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 5 {
		return Hash{}, ErrMalformed
	}
	_, ln, r, err := yescrypt.DecodeSetting([]byte(parts[2]))
	if err != nil || ln < 1 || ln > 64 || r < 1 || r > 64 {
		return Hash{}, ErrMalformed
	}
	if ln > 18 || r > maxMemory/128>>ln {
		return Hash{}, ErrTooCostly
	}
	salt, key := yescrypt.Decode64([]byte(parts[3])), yescrypt.Decode64([]byte(parts[4]))
	h := Hash{scheme: "yescrypt", salt: salt, key: key, memory: 128 * r << ln, derive: func(password string, salt []byte) []byte {
		key, err := yescrypt.Key([]byte(password), salt, 1<<ln, r, 1, len(key))
		if err != nil {
			return nil
		}
		return key
	}}
	if len(key) != 32 {
		return Hash{}, ErrMalformed
	}
	return h, h.affordable()
}
