package password

import (
	"fmt"
	"slices"
	"strings"
)

// The weak forms, by the names that allow them.
const (
	Plaintext = "plaintext" // the password itself
	MD5       = "md5"       // unsalted, in hexadecimal or as {MD5}
	SHA1      = "sha1"      // unsalted, in hexadecimal or as {SHA}
	SHA256    = "sha256"    // unsalted, in hexadecimal or as {SHA256}
	SHA512    = "sha512"    // unsalted, in hexadecimal or as {SHA512}
	// BcryptTruncated lets a password longer than 72 bytes match a bcrypt hash
	// by its first 72 bytes, as the tools that made such hashes did.
	BcryptTruncated = "bcrypt_truncated"
)

// Weak lists every name that [Allow] takes.
var Weak = []string{Plaintext, MD5, SHA1, SHA256, SHA512, BcryptTruncated}

// Policy says which weak forms are read. The zero Policy reads none.
type Policy struct {
	allowed map[string]bool
}

// Allow returns a policy that reads the weak forms named, or an error that
// names one that does not exist.
func Allow(names ...string) (Policy, error) {
	p := Policy{allowed: make(map[string]bool, len(names))}
	for _, name := range names {
		if !slices.Contains(Weak, name) {
			return Policy{}, fmt.Errorf("unknown weak form %q: want one of %s", name, strings.Join(Weak, ", "))
		}
		p.allowed[name] = true
	}
	return p, nil
}

// Parse reads a stored hash. Its error wraps one of the package's, and says
// what to allow where that is all that is missing.
func (p Policy) Parse(stored string) (Hash, error) {
	if len(stored) > maxStored {
		return Hash{}, ErrMalformed
	}
	text := strings.TrimRight(stored, " \r\n") // char(n) columns come padded
	if text == "" || text[0] == '!' || text[0] == '*' {
		return Hash{}, ErrUnusable
	}
	if parse := family(text); parse != nil {
		return parse(p, text)
	}
	if h, ok := parseASPNET(text); ok {
		return h, h.affordable()
	}
	if h, name := bareDigest(text); name != "" && (p.allowed[name] || !p.allowed[Plaintext]) {
		return h, p.permit(name)
	}
	if p.allowed[Plaintext] {
		return plaintext(stored), nil
	}
	return Hash{}, ErrUnknown
}

// permit is the error for reading a weak form that was not named.
func (p Policy) permit(name string) error {
	if p.allowed[name] {
		return nil
	}
	return fmt.Errorf("%w: add %s to allow to read it", ErrNotAllowed, name)
}
