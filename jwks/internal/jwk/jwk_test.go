package jwk_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/jwks/internal/jwk"
)

// Keys and thumbprints from RFC 7638 (section 3.1), RFC 8037 (appendix A.3) and
// RFC 7517 (appendix A.1).
const (
	rsaN      = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
	ecX       = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"
	ecY       = "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"
	ed25519X  = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
	rsaJWK    = `{"kty":"RSA","use":"sig","alg":"RS256","kid":"2011-04-29","n":"` + rsaN + `","e":"AQAB"}`
	ecJWK     = `{"kty":"EC","use":"sig","alg":"ES256","kid":"1","crv":"P-256","x":"` + ecX + `","y":"` + ecY + `"}`
	edJWK     = `{"kty":"OKP","use":"sig","alg":"EdDSA","kid":"e","crv":"Ed25519","x":"` + ed25519X + `"}`
	rsaThumb  = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
	edThumb   = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
	ecThumb   = "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s"
	otherEnds = "AAAA"
)

func TestKeysOfTheStandards(t *testing.T) {
	for _, test := range []struct{ jwk, thumbprint string }{
		{rsaJWK, rsaThumb}, {edJWK, edThumb}, {ecJWK, ecThumb},
	} {
		k, err := jwk.Parse([]byte(test.jwk))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := jwk.Thumbprint(k.Public); err != nil || got != test.thumbprint {
			t.Errorf("thumbprint %s, %v, want %s", got, err, test.thumbprint)
		}
		if got, err := jwk.Marshal(k); err != nil || string(got) != test.jwk {
			t.Errorf("marshalled as %s, %v", got, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, test := range []struct{ name, jwk, want string }{
		{"not JSON", `{`, "parse JWK"},
		{"a secret", `{"kty":"oct","k":"AAAA"}`, `kty "oct"`},
		{"another curve", `{"kty":"EC","crv":"secp256k1"}`, `crv "secp256k1"`},
		{"a short modulus", `{"kty":"RSA","n":"` + rsaN[:100] + `","e":"AQAB"}`, "bits"},
		{"a huge modulus", `{"kty":"RSA","n":"` + strings.Repeat("_", 2000) + `","e":"AQAB"}`, "bits"},
		{"an exponent of 1", `{"kty":"RSA","n":"` + rsaN + `","e":"AQ"}`, "exponent"},
		{"an even exponent", `{"kty":"RSA","n":"` + rsaN + `","e":"BA"}`, "exponent"},
		{"a huge exponent", `{"kty":"RSA","n":"` + rsaN + `","e":"AQAAAAAB"}`, "exponent"},
		{"padding", strings.Replace(rsaJWK, "AQAB", "AQAB====", 1), "n or e"},
		{"a point off the curve", strings.Replace(ecJWK, ecY, ecX, 1), "x and y"},
		{"a coordinate cut short", strings.Replace(ecJWK, ecY, otherEnds, 1), "32 bytes"},
		{"a key cut short", strings.Replace(edJWK, ed25519X, otherEnds, 1), "Ed25519"},
	} {
		if _, err := jwk.Parse([]byte(test.jwk)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{rsaJWK, ecJWK, edJWK, `{}`, `null`, `[]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		k, err := jwk.Parse(raw)
		if err != nil {
			return
		}
		once, err := jwk.Marshal(k)
		if err != nil {
			t.Fatalf("marshal what was parsed: %v", err)
		}
		again, err := jwk.Parse(once)
		if err != nil {
			t.Fatalf("parse what was marshalled: %v", err)
		}
		if twice, _ := jwk.Marshal(again); !bytes.Equal(once, twice) {
			t.Errorf("%s became %s", once, twice)
		}
	})
}
