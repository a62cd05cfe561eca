// Package password checks people's passwords against stored hashes and makes
// hashes of new ones.
//
// The form of a stored hash is detected from its value: argon2id and argon2i,
// bcrypt, scrypt, yescrypt, PBKDF2, SHA-crypt, phpass and Drupal 7, those of
// Django, Spring, ASP.NET Identity and WordPress, and the salted ones of LDAP.
// Forms that are as good as no hash (plain text, unsalted digests) are read
// only when a [Policy] names them. What a stored hash may cost to check is
// bounded, so a row cannot ask for 64 GiB. How many checks run at once is the
// caller's business.
package password

import (
	"crypto/subtle"
	"errors"
)

// Why a stored value cannot be checked. None of them quotes the value.
var (
	ErrUnusable   = errors.New("no password is set") // empty, or begins with ! or *
	ErrUnknown    = errors.New("unknown form of password hash")
	ErrMalformed  = errors.New("malformed password hash")
	ErrTooCostly  = errors.New("password hash asks for more work than is allowed")
	ErrNotAllowed = errors.New("weak form of password hash")
)

// Hash is a stored password hash, parsed. Make one with [Policy.Parse].
type Hash struct {
	scheme    string
	salt, key []byte
	memory    int // bytes that checking it takes and leaves to the garbage collector
	// longest is how many bytes of a password the scheme looks at, or that are
	// reasonable work; a longer password matches nothing. 0 is no limit.
	longest int
	// cut lets a password longer than longest match by its first bytes.
	cut bool
	// trims is that white space around a password counts for nothing.
	trims bool
	// current is that a new hash would be no stronger.
	current bool
	decoy   bool
	derive  func(password string, salt []byte) []byte
}

// Scheme names the form of the hash, such as argon2id.
func (h Hash) Scheme() string { return h.scheme }

// Memory returns how many bytes checking the hash takes, where that is much. They are
// left to the garbage collector.
func (h Hash) Memory() int { return h.memory }

// Verify reports whether the hash is of this password. It takes the same work
// whether it is or not.
func (h Hash) Verify(password string) bool {
	fits := true
	if h.longest > 0 && len(password) > h.longest {
		fits = h.cut
		password = password[:h.longest]
	}
	match := subtle.ConstantTimeCompare(h.derive(password, h.salt), h.key) == 1
	return match && fits && !h.decoy
}

// CanRenew reports whether a hash that matches the password is weaker than what
// [New] would make of it. It is false where another password matches as well,
// which would match no longer: one cut by bcrypt, or with space that WordPress ignores.
func (h Hash) CanRenew(password string) bool {
	switch {
	case h.current, h.decoy, h.longest > 0 && len(password) > h.longest:
		return false
	case h.trims:
		return password == trimmed(password)
	}
	return true
}

// Decoy returns a hash that takes the same work to check and matches nothing:
// for the person who does not exist.
func (h Hash) Decoy() Hash {
	h.key = make([]byte, len(h.key))
	h.decoy = true
	return h
}
