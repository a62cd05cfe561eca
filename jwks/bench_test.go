package jwks_test

import (
	"encoding/json"
	"testing"

	"github.com/claimsmith/claimsmith/jwks"
	"github.com/golang-jwt/jwt/v5"
)

const benchClaims = `{"iss":"https://login.example","sub":"alice","aud":["https://api.example"],"client_id":"demo","exp":1893456000,"iat":1893452400,"jti":"5b0c1f0e-1c3c-4a5e-9a51-1d7d0f1a2b3c","scope":"read write","groups":["admin","dev"]}`

func BenchmarkSign(b *testing.B) {
	r := open(b, jwks.Config{Algorithms: jwks.Algorithms()})
	claims := []byte(benchClaims)
	for _, name := range jwks.Algorithms() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Sign(b.Context(), name, "at+jwt", claims); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSignedString is what golang-jwt does alone with a key in hand.
func BenchmarkSignedString(b *testing.B) {
	for _, name := range jwks.Algorithms() {
		method := jwt.GetSigningMethod(name)
		key := jwks.Generate(b, name)
		b.Run(name, func(b *testing.B) {
			var claims jwt.MapClaims
			if err := json.Unmarshal([]byte(benchClaims), &claims); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				token := jwt.NewWithClaims(method, claims)
				token.Header["kid"], token.Header["typ"] = "bench", "at+jwt"
				if _, err := token.SignedString(key); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	r := open(b, jwks.Config{Algorithms: jwks.Algorithms()})
	for _, name := range jwks.Algorithms() {
		token, err := r.Sign(b.Context(), name, "at+jwt", []byte(benchClaims))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Verify(b.Context(), token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
