package password

import (
	"strconv"
	"strings"
)

// parser reads the text of one family of hashes.
type parser func(p Policy, text string) (Hash, error)

// family returns the parser for what a text begins with, nil where that says
// nothing.
func family(text string) parser {
	begins := func(prefixes ...string) bool {
		for _, prefix := range prefixes {
			if strings.HasPrefix(text, prefix) {
				return true
			}
		}
		return false
	}
	switch {
	case begins("$argon2"):
		return parseArgon2
	case begins("$2"):
		return parseBcrypt
	case begins("$bcrypt-sha256$"):
		return parseBcryptSHA256
	case begins("$wp$2"):
		return parseWordPress
	case begins("$scrypt$"):
		return parseScrypt
	case begins("$y$"):
		return parseYescrypt
	case begins("$pbkdf2"):
		return parsePBKDF2
	case begins("$5$", "$6$"):
		return parseSHACrypt
	case begins("$P$", "$H$", "$S$", "U$S$"):
		return parsePHPass
	case begins("pbkdf2_", "bcrypt$", "bcrypt_sha256$", "argon2$", "scrypt$"):
		return parseDjango
	case begins("{"):
		return parseBraced
	}
	return nil
}

// number reads a positive decimal of at most nine digits.
func number(text string) (int, bool) {
	if len(text) == 0 || len(text) > 9 || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && n > 0
}

// options reads "a=1,b=2" into the values of the names given, each of which
// must be there once and nothing else.
func options(text string, names ...string) ([]int, bool) {
	pairs := strings.Split(text, ",")
	if len(pairs) != len(names) {
		return nil, false
	}
	values := make([]int, len(names))
	for i, name := range names {
		for _, pair := range pairs {
			if value, ok := strings.CutPrefix(pair, name+"="); ok {
				values[i], ok = number(value)
				if !ok {
					return nil, false
				}
			}
		}
		if values[i] == 0 {
			return nil, false
		}
	}
	return values, true
}
