package password

// What one check may cost. The bounds are an order of magnitude above what
// tools recommend today, and end below some seconds on one core.
const (
	maxMemory        = 256 << 20 // bytes, for argon2, scrypt and yescrypt
	maxArgon2Work    = 4 << 20   // KiB × passes
	maxThreads       = 64        // argon2's lanes
	maxBcryptCost    = 16        // 2^16 rounds
	maxScryptWork    = 1 << 23   // N × r × p
	maxPBKDF2Work    = 10_000_000
	maxCryptRounds   = 1_000_000 // SHA-crypt
	maxStretch       = 22        // 2^22 digests, for phpass and Drupal
	maxStored        = 4096      // bytes of text
	maxSalt, maxKey  = 1024, 256 // bytes
	longestStretched = 512       // bytes of password where each round reads it again
)

// affordable checks the lengths that every scheme shares.
func (h Hash) affordable() error {
	switch {
	case len(h.key) == 0:
		return ErrMalformed
	case len(h.salt) > maxSalt || len(h.key) > maxKey:
		return ErrTooCostly
	}
	return nil
}
