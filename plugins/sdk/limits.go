package sdk

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// What crosses the wire is bounded, in both directions and on both sides.
const (
	MaxUsername = 1 << 10   // bytes of a user name
	MaxSecret   = 16 << 10  // bytes of a password, an API key or an assertion
	MaxString   = 1 << 10   // bytes of any other string
	MaxList     = 4 << 10   // entries of a list or a map
	MaxClaims   = 256 << 10 // bytes of Identity.Claims as JSON
	MaxMessage  = 1 << 20   // bytes of one message
	maxDepth    = 64        // levels of Identity.Claims
)

// Check returns an error that wraps ErrDenied with the reason Invalid if no
// plugin may be asked r: an empty or too long secret, a password without a
// user name, a string that is too long, not UTF-8 or holds a NUL.
func (r Request) Check() error {
	c := r.Credential
	secret := len(c.Secret)
	switch {
	case secret == 0, secret > MaxSecret,
		c.Kind == Password && c.Username == "",
		!wellFormed(c.Username, MaxUsername),
		!wellFormed(c.Type, MaxString),
		!wellFormed(string(c.Kind), MaxString),
		!wellFormed(r.Issuer, MaxString),
		!wellFormed(r.ClientID, MaxString),
		len(r.Attributes) > MaxList:
		return Denied(Invalid)
	}
	for name, value := range r.Attributes {
		if !wellFormed(name, MaxString) || !wellFormed(value, MaxString) {
			return Denied(Invalid)
		}
	}
	return nil
}

// Check returns an error that says in what way id cannot be an identity: no
// subject, a string that is too long, not UTF-8 or holds a NUL, a list that is
// too long. It does not look into Claims, which are checked where they are
// encoded and decoded.
func (id Identity) Check() error {
	if id.Subject == "" {
		return errors.New("subject is empty")
	}
	for _, f := range []struct{ name, value string }{
		{"subject", id.Subject}, {"username", id.Username}, {"name", id.Name}, {"email", id.Email},
		{"organisation", id.Organisation}, {"unit", id.Unit},
	} {
		if !wellFormed(f.value, MaxString) {
			return fmt.Errorf("%s is longer than %d bytes, not UTF-8, or holds a NUL", f.name, MaxString)
		}
	}
	for _, f := range []struct {
		name   string
		values []string
	}{
		{"units", id.Units}, {"groups", id.Groups}, {"roles", id.Roles},
		{"scopes", id.Scopes}, {"audience", id.Audience},
	} {
		if len(f.values) > MaxList {
			return fmt.Errorf("%s has more than %d entries", f.name, MaxList)
		}
		if slices.ContainsFunc(f.values, func(s string) bool { return !wellFormed(s, MaxString) }) {
			return fmt.Errorf("an entry of %s is longer than %d bytes, not UTF-8, or holds a NUL", f.name, MaxString)
		}
	}
	return nil
}

func (d Description) check() error {
	switch {
	case !wellFormed(d.Name, MaxString) || !wellFormed(d.Version, MaxString):
		return fmt.Errorf("name or version is not %d bytes of UTF-8", MaxString)
	case len(d.Kinds) > MaxList:
		return fmt.Errorf("more than %d kinds", MaxList)
	case len(d.Schema) > 0 && !json.Valid(d.Schema):
		return errors.New("schema is not JSON")
	}
	return nil
}

func wellFormed(s string, limit int) bool {
	return len(s) <= limit && utf8.ValidString(s) && strings.IndexByte(s, 0) < 0
}
