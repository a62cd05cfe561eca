package password

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
)

// plaintext compares digests, so that neither the length nor the beginning of
// the stored password shows in the time.
func plaintext(stored string) Hash {
	key := sha256.Sum256([]byte(stored))
	h := digestHash("plaintext", sha256.New, nil, key[:])
	return h
}

// bareDigest reads an unsalted digest in hexadecimal and returns the name that
// allows it, "" where the text is none.
func bareDigest(text string) (Hash, string) {
	key, err := hex.DecodeString(text)
	if err != nil {
		return Hash{}, ""
	}
	switch len(key) {
	case md5.Size:
		return digestHash(MD5, md5.New, nil, key), MD5
	case sha1.Size:
		return digestHash(SHA1, sha1.New, nil, key), SHA1
	case sha256.Size:
		return digestHash(SHA256, sha256.New, nil, key), SHA256
	case sha512.Size:
		return digestHash(SHA512, sha512.New, nil, key), SHA512
	}
	return Hash{}, ""
}
