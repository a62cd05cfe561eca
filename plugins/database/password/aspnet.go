package password

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"hash"
)

// parseASPNET reads what ASP.NET Identity writes: base64 of a version, the
// parameters, salt and key. It reports false for what is nothing of the kind.
func parseASPNET(text string) (Hash, bool) {
	if text[0] != 'A' || len(text) > 4*maxSalt {
		return Hash{}, false
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw) < 13+16+16 {
		return Hash{}, false
	}
	if raw[0] == 0 && len(raw) == 1+16+32 { // version 2
		h, err := pbkdf2Hash(sha1.New, 1000, raw[1:17], raw[17:])
		return h, err == nil
	}
	digests := []func() hash.Hash{sha1.New, sha256.New, sha512.New}
	digest := binary.BigEndian.Uint32(raw[1:])
	rounds := binary.BigEndian.Uint32(raw[5:])
	size := binary.BigEndian.Uint32(raw[9:])
	raw, version := raw[13:], raw[0]
	if version != 1 || digest > 2 || rounds < 1 || size < 16 || size > uint32(len(raw)-16) {
		return Hash{}, false
	}
	h, err := pbkdf2Hash(digests[digest], int(rounds), raw[:size], raw[size:])
	return h, err == nil
}
