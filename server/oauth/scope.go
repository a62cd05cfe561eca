package oauth

import (
	"errors"
	"strings"
)

// CheckScope reports whether a text is one scope (RFC 6749 section 3.3): printable
// ASCII without spaces, quotes and backslashes. Any other could never be asked for.
func CheckScope(text string) error {
	if strings.Contains(text, " ") {
		return errors.New("a space parts two scopes: give each for itself")
	}
	if text == "" || strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' || c == '"' || c == '\\' }) {
		return errors.New("a scope is of ASCII letters, digits and signs other than \" and \\")
	}
	return nil
}
