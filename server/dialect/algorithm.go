package dialect

import (
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// hmacs are the algorithms that sign with a secret of the dialect.
var hmacs = map[string]*jwt.SigningMethodHMAC{
	"HS256": jwt.SigningMethodHS256, "HS384": jwt.SigningMethodHS384, "HS512": jwt.SigningMethodHS512,
}

// IsHMAC reports whether tokens of an algorithm are signed with a secret of the
// dialect, which is never published.
func IsHMAC(algorithm string) bool { return strings.HasPrefix(algorithm, "HS") }
