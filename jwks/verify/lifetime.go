package verify

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/claimsmith/claimsmith/jwks/internal/jwk"
)

// How long a key set is kept: without a word of the issuer, and at most.
const (
	defaultLifetime = 5 * time.Minute
	maxLifetime     = 24 * time.Hour
)

// lifetime is for how long the issuer lets an answer that was asked for at the
// given time be kept (RFC 9111 section 4.2).
func lifetime(h http.Header, asked time.Time) time.Duration {
	d, told := maxAge(h)
	if expires, err := http.ParseTime(h.Get("Expires")); !told && err == nil {
		d, told = expires.Sub(asked), true
		if date, err := http.ParseTime(h.Get("Date")); err == nil {
			d = expires.Sub(date)
		}
	}
	if !told {
		d = defaultLifetime
	}
	if age, err := strconv.ParseInt(h.Get("Age"), 10, 32); err == nil {
		d -= time.Duration(age) * time.Second
	}
	return min(max(d, 0), maxLifetime)
}

// maxAge reads Cache-Control.
func maxAge(h http.Header) (d time.Duration, told bool) {
	for _, line := range h["Cache-Control"] {
		for directive := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
			switch strings.ToLower(name) {
			case "no-store", "no-cache":
				return 0, true
			case "max-age":
				if seconds, err := strconv.ParseInt(strings.Trim(value, `"`), 10, 32); err == nil && seconds >= 0 {
					d, told = time.Duration(seconds)*time.Second, true
				}
			}
		}
	}
	return d, told
}

// signs reports whether tokens of the algorithm are signed by such a key: by the
// algorithm that its JWK names, or one that is made for its kind.
func signs(k jwk.Key, algorithm string) bool {
	if k.Algorithm != "" && k.Algorithm != algorithm {
		return false
	}
	switch public := k.Public.(type) {
	case *rsa.PublicKey:
		return strings.HasPrefix(algorithm, "RS") || strings.HasPrefix(algorithm, "PS")
	case *ecdsa.PublicKey:
		return algorithm == map[string]string{"P-256": "ES256", "P-384": "ES384"}[public.Params().Name]
	case ed25519.PublicKey:
		return algorithm == "EdDSA"
	}
	return false
}
