package oauth

import (
	"encoding/json"
	"strconv"
)

// What each token needs is appended member by member: encoding/json takes
// several times as long and leaves garbage. The text is the same.

// appendMember appends a member of an object, after a comma unless it is the first.
func appendMember(dst []byte, name string) []byte {
	if len(dst) > 0 && dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	dst = append(dst, '"')
	dst = append(dst, name...)
	return append(dst, `":`...)
}

func appendStringMember(dst []byte, name, value string) []byte {
	return appendString(appendMember(dst, name), value)
}

// appendOptional appends no member for "".
func appendOptional(dst []byte, name, value string) []byte {
	if value == "" {
		return dst
	}
	return appendStringMember(dst, name, value)
}

func appendIntMember(dst []byte, name string, value int64) []byte {
	return strconv.AppendInt(appendMember(dst, name), value, 10)
}

// appendString appends a string as encoding/json writes it.
func appendString(dst []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c >= 0x7f, c == '"', c == '\\', c == '<', c == '>', c == '&':
			text, _ := json.Marshal(s) // a string always encodes
			return append(dst, text...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

// appendJSON appends the claims as an object.
func (c *accessClaims) appendJSON(dst []byte) []byte {
	dst = append(dst, '{')
	dst = appendStringMember(dst, "iss", c.Issuer)
	dst = appendStringMember(dst, "sub", c.Subject)
	dst = c.Audience.appendJSON(appendMember(dst, "aud"))
	dst = appendStringMember(dst, "client_id", c.Client)
	dst = appendIntMember(dst, "exp", c.Expires)
	dst = appendIntMember(dst, "iat", c.Issued)
	dst = appendStringMember(dst, "jti", c.ID)
	dst = appendStringMember(dst, "sid", c.Session)
	dst = appendOptional(dst, "scope", c.Scope)
	if len(c.Actor) > 0 {
		dst = append(appendMember(dst, "act"), c.Actor...)
	}
	return append(dst, '}')
}

func (a audience) appendJSON(dst []byte) []byte {
	if len(a) == 1 {
		return appendString(dst, a[0])
	}
	dst = append(dst, '[')
	for i, s := range a {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, s)
	}
	return append(dst, ']')
}

// appendJSON appends the answer as an object.
func (t *tokenResponse) appendJSON(dst []byte) []byte {
	dst = append(dst, '{')
	dst = appendStringMember(dst, "access_token", t.AccessToken)
	dst = appendStringMember(dst, "token_type", t.TokenType)
	dst = appendIntMember(dst, "expires_in", t.ExpiresIn)
	dst = appendOptional(dst, "refresh_token", t.RefreshToken)
	dst = appendOptional(dst, "scope", t.Scope)
	dst = appendOptional(dst, "issued_token_type", t.IssuedType)
	return append(dst, '}')
}
