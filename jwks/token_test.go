package jwks_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/jwks"
	"github.com/claimsmith/claimsmith/jwks/internal/jwk"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func TestEveryAlgorithmSignsAndVerifies(t *testing.T) {
	r := open(t, jwks.Config{Algorithms: jwks.Algorithms()})
	const claims = `{"sub":"alice","n":12345678901234567890}`
	for _, name := range jwks.Algorithms() {
		t.Run(name, func(t *testing.T) {
			token, err := r.Sign(t.Context(), name, "at+jwt", []byte(claims))
			if err != nil {
				t.Fatal(err)
			}
			got, err := r.Verify(t.Context(), token)
			if err != nil {
				t.Fatal(err)
			}
			want := jwks.Verified{
				KID: kidOf(t, token), Algorithm: name, Typ: "at+jwt",
				Header:  json.RawMessage(`{"alg":"` + name + `","kid":"` + kidOf(t, token) + `","typ":"at+jwt"}`),
				Payload: json.RawMessage(claims),
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("verified (-want +got):\n%s", diff)
			}
			if kid, err := jwk.Thumbprint(publicOf(t, r, got.KID)); err != nil || kid != got.KID {
				t.Errorf("kid is %s, %v, want the thumbprint %s", got.KID, err, kid)
			}
			if _, err := jwt.Parse(token, func(*jwt.Token) (any, error) { return publicOf(t, r, got.KID), nil },
				jwt.WithValidMethods([]string{name}), jwt.WithStrictDecoding()); err != nil {
				t.Errorf("golang-jwt: %v", err)
			}
		})
	}
}

// publicOf returns the public key that the ring publishes under kid.
func publicOf(t testing.TB, r *jwks.Ring, kid string) any {
	t.Helper()
	var set struct{ Keys []json.RawMessage }
	if err := json.Unmarshal(get(r, nil).Body.Bytes(), &set); err != nil {
		t.Fatal(err)
	}
	for _, raw := range set.Keys {
		if k, err := jwk.Parse(raw); err == nil && k.KID == kid {
			return k.Public
		}
	}
	t.Fatalf("key %s is not published", kid)
	return nil
}

func TestSignRefuses(t *testing.T) {
	r := open(t, jwks.Config{})
	for name, test := range map[string]struct{ algorithm, claims, want string }{
		"an algorithm of none":      {"none", `{}`, `"none" is not one of this issuer's: ES256`},
		"an array":                  {"", `[]`, "not a JSON object"},
		"nothing":                   {"", ``, "not a JSON object"},
		"more than anybody accepts": {"", `{"a":"` + strings.Repeat("a", 16<<10) + `"}`, "more than the 16384"},
	} {
		if _, err := r.Sign(t.Context(), test.algorithm, "", []byte(test.claims)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	r := open(t, jwks.Config{Algorithms: []string{"RS256", "PS256"}})
	token := sign(t, r)
	part := strings.Split(token, ".")
	kid := kidOf(t, token)
	resign := func(header string) string { return r.SignInput(t, b64(header)+"."+part[1]) }
	if _, err := r.Verify(t.Context(), resign(`{"kid":"`+kid+`","alg":"RS256","x":{}}`)); err != nil {
		t.Fatalf("a header of another form, signed: %v", err)
	}
	for _, test := range []struct {
		name, token string
		want        error
	}{
		{"another key's kid", resign(`{"alg":"RS256","kid":"nobody"}`), jwks.ErrUnknownKey},
		{"no kid", resign(`{"alg":"RS256"}`), jwks.ErrUnknownKey},
		{"another algorithm of the same kind", resign(`{"alg":"PS256","kid":"` + kid + `"}`), jwks.ErrInvalid},
		{"HMAC with the public key", resign(`{"alg":"HS256","kid":"` + kid + `"}`), jwks.ErrInvalid},
		{"none", resign(`{"alg":"none","kid":"` + kid + `"}`), jwks.ErrInvalid},
		{"None", resign(`{"alg":"None","kid":"` + kid + `"}`), jwks.ErrInvalid},
		{"no alg", resign(`{"kid":"` + kid + `"}`), jwks.ErrInvalid},
		{"ALG in capitals", resign(`{"ALG":"RS256","kid":"` + kid + `"}`), jwks.ErrInvalid},
		{"crit", resign(`{"alg":"RS256","kid":"` + kid + `","crit":["exp"]}`), jwks.ErrInvalid},
		{"null crit", resign(`{"alg":"RS256","kid":"` + kid + `","crit":null}`), jwks.ErrInvalid},
		{"kid of another type", resign(`{"alg":"RS256","kid":7}`), jwks.ErrInvalid},
		{"null kid", resign(`{"alg":"RS256","kid":null}`), jwks.ErrInvalid},
		{"header that is an array", resign(`[]`), jwks.ErrInvalid},
		{"header that is null", resign(`null`), jwks.ErrInvalid},
		{"header of two values", resign(`{"alg":"RS256","kid":"` + kid + `"}{}`), jwks.ErrInvalid},
		{"changed header", b64(`{"alg":"RS256","kid":"`+kid+`"}`) + "." + part[1] + "." + part[2], jwks.ErrInvalid},
		{"changed payload", part[0] + "." + b64(`{"sub":"mallory"}`) + "." + part[2], jwks.ErrInvalid},
		{"no signature", part[0] + "." + part[1] + ".", jwks.ErrInvalid},
		{"two parts", part[0] + "." + part[1], jwks.ErrInvalid},
		{"four parts", token + ".", jwks.ErrInvalid},
		{"five parts", token + "..", jwks.ErrInvalid},
		{"nothing", "", jwks.ErrInvalid},
		{"dots", "..", jwks.ErrInvalid},
		{"padding", token + "=", jwks.ErrInvalid},
		{"line break", token + "\n", jwks.ErrInvalid},
		{"line break within", token[:10] + "\r" + token[10:], jwks.ErrInvalid},
		{"standard base64", token[:len(token)-4] + "+/+/", jwks.ErrInvalid},
		{"another spelling of the last bits", token[:len(token)-1] + respell(token[len(token)-1]), jwks.ErrInvalid},
		{"too long", token + strings.Repeat("A", 16<<10), jwks.ErrInvalid},
	} {
		if _, err := r.Verify(t.Context(), test.token); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
	if _, err := r.Verify(t.Context(), token); err != nil {
		t.Errorf("the token itself: %v", err)
	}
}

// respell returns a last letter that decodes to the same bytes where bits are
// left over: 256 bytes leave four.
func respell(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, c)|1])
}

func TestVerifyAsksForAKeyOfAnotherReplica(t *testing.T) {
	store := &flakyStore{Store: new(jwks.MemoryStore)}
	a, b := open(t, jwks.Config{Store: store}), open(t, jwks.Config{Store: store})
	if _, err := a.Rotate(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Verify(t.Context(), sign(t, a)); err != nil {
		t.Errorf("a token of a key that was made just now: %v", err)
	}
	reads := store.reads.Load()
	for range 100 {
		if _, err := b.Verify(t.Context(), b64(`{"alg":"ES256","kid":"nobody"}`)+".e30.AAAA"); !errors.Is(err, jwks.ErrUnknownKey) {
			t.Errorf("unknown kid: %v, want ErrUnknownKey", err)
		}
	}
	if got := store.reads.Load() - reads; got > 5 {
		t.Errorf("100 unknown kids asked the store %d times", got)
	}
}

func FuzzVerify(f *testing.F) {
	r := open(f, jwks.Config{Algorithms: []string{"EdDSA"}})
	token := sign(f, r)
	want, err := r.Verify(f.Context(), token)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(token)
	f.Add(token + ".")
	f.Add(strings.ToUpper(token))
	f.Add(b64(`{"alg":"none"}`) + "." + b64(`{}`) + ".")
	f.Add(b64(`{"alg":"EdDSA","crit":[]}`) + "." + b64(`{}`) + ".AAAA")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := r.Verify(t.Context(), s)
		switch {
		case err == nil && s != token:
			t.Errorf("verified %q, which nobody signed", s)
		case err == nil && !cmp.Equal(want, got):
			t.Errorf("verified as %+v", got)
		case err != nil && !errors.Is(err, jwks.ErrInvalid) && !errors.Is(err, jwks.ErrUnknownKey):
			t.Errorf("%v is neither ErrInvalid nor ErrUnknownKey", err)
		}
	})
}
