package password

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"hash"
	"strings"
)

// parseBraced reads {scheme}rest: Spring's ids, whose letter case counts, then
// LDAP's schemes, whose does not.
func parseBraced(p Policy, text string) (Hash, error) {
	id, rest, ok := strings.Cut(text[1:], "}")
	if !ok {
		return Hash{}, ErrUnknown
	}
	if parse := springEncoder(id, rest); parse != nil {
		return parse(p, rest)
	}
	switch scheme := strings.ToUpper(id); scheme {
	case "CRYPT", "ARGON2", "BCRYPT":
		if strings.HasPrefix(rest, "{") || family(rest) == nil {
			return Hash{}, ErrUnknown
		}
		return family(rest)(p, rest)
	case "PBKDF2", "PBKDF2-SHA256", "PBKDF2-SHA512":
		return parsePBKDF2(p, "$"+strings.ToLower(scheme)+"$"+rest)
	case "PBKDF2-SHA1":
		return parsePBKDF2(p, "$pbkdf2$"+rest)
	case "PLAIN", "CLEARTEXT":
		return plaintext(rest), p.permit(Plaintext)
	default:
		return parseLDAP(p, scheme, rest)
	}
}

// parseLDAP reads base64 of a digest, or of a digest and its salt.
func parseLDAP(p Policy, scheme, rest string) (Hash, error) {
	digest, weak := ldapDigest(scheme)
	if digest == nil {
		return Hash{}, ErrUnknown
	}
	raw, err := base64.StdEncoding.DecodeString(rest)
	size := digest().Size()
	if err != nil || len(raw) < size || (len(raw) > size) != (weak == "") {
		return Hash{}, ErrMalformed
	}
	h := digestHash(strings.ToLower(scheme), digest, raw[size:], raw[:size])
	if weak != "" {
		return h, p.permit(weak)
	}
	return h, h.affordable()
}

// ldapDigest returns a scheme's digest, and the name that allows it where it
// has no salt.
func ldapDigest(scheme string) (digest func() hash.Hash, weak string) {
	switch scheme {
	case "SMD5":
		return md5.New, ""
	case "SSHA":
		return sha1.New, ""
	case "SSHA256":
		return sha256.New, ""
	case "SSHA384":
		return sha512.New384, ""
	case "SSHA512":
		return sha512.New, ""
	case "MD5":
		return md5.New, MD5
	case "SHA":
		return sha1.New, SHA1
	case "SHA256":
		return sha256.New, SHA256
	case "SHA512":
		return sha512.New, SHA512
	}
	return nil, ""
}

// digestHash is digest(password + salt).
func digestHash(scheme string, digest func() hash.Hash, salt, key []byte) Hash {
	return Hash{scheme: scheme, salt: salt, key: key, derive: func(password string, salt []byte) []byte {
		d := digest()
		d.Write([]byte(password))
		d.Write(salt)
		return d.Sum(nil)
	}}
}
