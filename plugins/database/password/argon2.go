package password

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// The parameters of new hashes: OWASP's first choice for argon2id.
const (
	newMemory  = 19 << 10 // KiB
	newPasses  = 2
	newThreads = 1
	newSalt    = 16
	newKey     = 32
)

// New returns a hash of a new password: argon2id with 19 MiB, two passes and
// one lane.
func New(password string) string {
	salt := make([]byte, newSalt)
	rand.Read(salt)
	key := argon2.IDKey([]byte(password), salt, newPasses, newMemory, newThreads, newKey)
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", newMemory, newPasses, newThreads, b64(salt), b64(key))
}

// Usual returns a decoy that takes the work of a hash that [New] made.
func Usual() Hash {
	return argon2Hash("argon2id", newMemory, newPasses, newThreads, make([]byte, newSalt), make([]byte, newKey)).Decoy()
}

// parseArgon2 reads $argon2id$v=19$m=…,t=…,p=…$salt$key, and argon2i.
func parseArgon2(_ Policy, text string) (Hash, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[2] != "v=19" {
		return Hash{}, ErrMalformed
	}
	scheme := parts[1]
	if scheme != "argon2id" && scheme != "argon2i" {
		return Hash{}, ErrUnknown
	}
	v, ok := options(parts[3], "m", "t", "p")
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	key, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	if !ok || err != nil || err2 != nil {
		return Hash{}, ErrMalformed
	}
	memory, passes, threads := v[0], v[1], v[2]
	if memory > maxMemory>>10 || memory*passes > maxArgon2Work || threads > maxThreads {
		return Hash{}, ErrTooCostly
	}
	h := argon2Hash(scheme, memory, passes, threads, salt, key)
	h.current = scheme == "argon2id" && memory >= newMemory && memory*passes >= newMemory*newPasses && len(salt) >= newSalt && len(key) >= newKey
	return h, h.affordable()
}

func argon2Hash(scheme string, memory, passes, threads int, salt, key []byte) Hash {
	derive := argon2.IDKey
	if scheme == "argon2i" {
		derive = argon2.Key
	}
	return Hash{scheme: scheme, salt: salt, key: key, memory: memory << 10, derive: func(password string, salt []byte) []byte {
		return derive([]byte(password), salt, uint32(passes), uint32(memory), uint8(threads), uint32(len(key)))
	}}
}
