package password

import (
	"crypto/md5"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"strings"

	"github.com/go-crypt/x/yescrypt"
)

const itoa64 = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// parsePHPass reads phpass's portable hashes ($P$ of WordPress, $H$ of phpBB)
// and Drupal 7's $S$; U$S$ is Drupal's over the MD5 of Drupal 6.
func parsePHPass(_ Policy, text string) (Hash, error) {
	setting, upgraded := strings.CutPrefix(text, "U")
	scheme, digest, size := "phpass", md5.New, 22
	if setting[1] == 'S' {
		scheme, digest, size = "drupal7", sha512.New, 43
	}
	if len(setting) != 12+size {
		return Hash{}, ErrMalformed
	}
	stretch := strings.IndexByte(itoa64, setting[3])
	if stretch < 7 {
		return Hash{}, ErrMalformed
	}
	if stretch > maxStretch {
		return Hash{}, ErrTooCostly
	}
	h := Hash{scheme: scheme, salt: []byte(setting[4:12]), key: []byte(setting[12:]), longest: longestStretched,
		derive: func(password string, salt []byte) []byte {
			return yescrypt.Encode64(stretched(digest(), password, salt, 1<<stretch))[:size]
		}}
	if upgraded {
		longest := h.longest
		h = h.before(scheme, md5Hex)
		h.longest = longest
	}
	return h, nil
}

func stretched(digest hash.Hash, password string, salt []byte, rounds int) []byte {
	tail := []byte(password)
	digest.Write(salt)
	digest.Write(tail)
	sum := digest.Sum(nil)
	for range rounds {
		digest.Reset()
		digest.Write(sum)
		digest.Write(tail)
		sum = digest.Sum(sum[:0])
	}
	return sum
}

func md5Hex(password string) string {
	sum := md5.Sum([]byte(password))
	return hex.EncodeToString(sum[:])
}
