package examples_test

import (
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

var (
	noToken = answer{Status: http.StatusUnauthorized, Authenticate: "Bearer"}
	invalid = answer{Status: http.StatusUnauthorized, Authenticate: `Bearer error="invalid_token"`}
)

func TestRelyingServiceAcceptsGoodTokens(t *testing.T) {
	eachService(t, func(t *testing.T, iss *issuer, url string) {
		for _, k := range iss.keys {
			claims := iss.claims(jwt.MapClaims{"aud": []string{"https://other.example.com", audience}, "groups": []string{"staff"}})
			got := ask(t, url, "Bearer "+k.sign(t, claims, nil))
			want := answer{Status: http.StatusOK, Claims: map[string]any{
				"iss": iss.URL, "sub": "alice", "aud": []any{"https://other.example.com", audience}, "client_id": "demo",
				"jti": "1", "scope": "read", "groups": []any{"staff"},
				"iat": float64(claims["iat"].(int64)), "exp": float64(claims["exp"].(int64)),
			}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", k.method.Alg(), diff)
			}
		}
	})
}

func TestRelyingServiceRefusesOtherTokens(t *testing.T) {
	eachService(t, func(t *testing.T, iss *issuer, url string) {
		ec, rsa := iss.keys[0], iss.keys[2]
		stranger := newKey(t, ec.id, jwt.SigningMethodES256)
		good := iss.token(t, nil)
		header, _, _ := strings.Cut(good, ".")
		for name, token := range map[string]string{
			"expired":               iss.token(t, jwt.MapClaims{"exp": time.Now().Add(-time.Minute).Unix()}),
			"without an end":        iss.token(t, jwt.MapClaims{"exp": nil}),
			"not yet valid":         iss.token(t, jwt.MapClaims{"nbf": time.Now().Add(time.Hour).Unix()}),
			"for another audience":  iss.token(t, jwt.MapClaims{"aud": "https://other.example.com"}),
			"without an audience":   iss.token(t, jwt.MapClaims{"aud": nil}),
			"of another issuer":     iss.token(t, jwt.MapClaims{"iss": "https://other.example.com"}),
			"of another type":       ec.sign(t, iss.claims(nil), map[string]any{"typ": "JWT"}),
			"with crit":             ec.sign(t, iss.claims(nil), map[string]any{"crit": []string{"x"}, "x": 1}),
			"by a key of that name": stranger.sign(t, iss.claims(nil), nil),
			"by a key not known":    ec.sign(t, iss.claims(nil), map[string]any{"kid": "nobody's"}),
			"by another algorithm":  key{rsa.id, jwt.SigningMethodPS256, rsa.private}.sign(t, iss.claims(nil), nil),
			"by HMAC of public key": sign(t, jwt.SigningMethodHS256, publicPEM(t, rsa), iss.claims(nil), map[string]any{"kid": rsa.id}),
			"unsigned":              sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, iss.claims(nil), map[string]any{"kid": ec.id}),
			"with another payload":  replacePart(good, 1, header),
			"with no signature":     replacePart(good, 2, ""),
			"cut off":               good[:len(good)-8],
			"with two tails":        good + ".x",
			"no token at all":       "wonderland",
		} {
			if diff := cmp.Diff(invalid, ask(t, url, "Bearer "+token)); diff != "" {
				t.Errorf("a token %s (-want +got):\n%s", name, diff)
			}
		}
		for _, header := range []string{"", "Basic " + good, good} {
			if diff := cmp.Diff(noToken, ask(t, url, header)); diff != "" {
				t.Errorf("Authorization: %.20q (-want +got):\n%s", header, diff)
			}
		}
		askUntil(t, url, good, http.StatusOK)
	})
}

func TestRelyingServiceLearnsNewKeys(t *testing.T) {
	eachService(t, func(t *testing.T, iss *issuer, url string) {
		old := iss.token(t, nil)
		successor := iss.publish(newKey(t, "successor", jwt.SigningMethodES256))
		askUntil(t, url, successor.sign(t, iss.claims(nil), nil), http.StatusOK)
		askUntil(t, url, old, http.StatusOK)
	})
}

// Whoever makes up key ids cannot make a service flood its issuer.
func TestRelyingServiceAsksForKeysSparingly(t *testing.T) {
	eachService(t, func(t *testing.T, iss *issuer, url string) {
		start, before := time.Now(), iss.countFetches()
		for range 100 {
			ask(t, url, "Bearer "+iss.keys[0].sign(t, iss.claims(nil), map[string]any{"kid": "nobody's"}))
		}
		most := 2 + int(time.Since(start)/time.Second)
		if n := iss.countFetches() - before; n > most {
			t.Errorf("100 tokens of unknown keys made it fetch the keys %d times, want at most %d", n, most)
		}
	})
}

func TestRelyingServiceOutlivesItsIssuer(t *testing.T) {
	eachService(t, func(t *testing.T, iss *issuer, url string) {
		iss.Close()
		askUntil(t, url, iss.keys[0].sign(t, iss.claims(nil), map[string]any{"kid": "nobody's"}), http.StatusServiceUnavailable)
		askUntil(t, url, iss.token(t, nil), http.StatusOK)
	})
}

// eachService runs a test on each service, with an issuer that has a key of
// each kind: elliptic curve, Edwards curve and RSA.
func eachService(t *testing.T, test func(t *testing.T, iss *issuer, url string)) {
	for _, s := range services {
		t.Run(s.name, func(t *testing.T) {
			iss := newIssuer(t)
			iss.publish(newKey(t, "edwards", jwt.SigningMethodEdDSA))
			iss.publish(newKey(t, "rsa", jwt.SigningMethodRS256))
			test(t, iss, startService(t, s.command(t), iss.URL, audience))
		})
	}
}

// publicPEM is a public key as an attacker has it who hopes that a service
// takes it for an HMAC secret.
func publicPEM(t *testing.T, k key) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(k.private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// replacePart returns a token with one of its three parts replaced.
func replacePart(token string, i int, part string) string {
	parts := strings.Split(token, ".")
	parts[i] = part
	return strings.Join(parts, ".")
}
