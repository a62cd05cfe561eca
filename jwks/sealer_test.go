package jwks_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/jwks"
)

var (
	masterA = bytes.Repeat([]byte("A"), 32)
	masterB = bytes.Repeat([]byte("B"), 32)
)

func sealerOf(t testing.TB, masterKeys map[string][]byte, current string) *jwks.Sealer {
	t.Helper()
	s, err := jwks.NewSealer(masterKeys, current)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSealedKeyOpensOnlyInItsPlace(t *testing.T) {
	s := sealerOf(t, map[string][]byte{"a": masterA}, "a")
	sealed, err := s.Seal(issuer, "ES256", "kid", []byte("private"))
	if err != nil {
		t.Fatal(err)
	}
	again, _ := s.Seal(issuer, "ES256", "kid", []byte("private"))
	if bytes.Equal(sealed, again) {
		t.Error("sealing twice gives the same bytes")
	}
	flip := func(i int) []byte {
		b := bytes.Clone(sealed)
		b[i] ^= 1
		return b
	}
	other := sealerOf(t, map[string][]byte{"a": masterB}, "a")
	both := sealerOf(t, map[string][]byte{"a": masterA, "b": masterB}, "b")
	later := sealerOf(t, map[string][]byte{"b": masterB}, "b")
	for _, test := range []struct {
		name                   string
		sealer                 *jwks.Sealer
		issuer, algorithm, kid string
		sealed                 []byte
		want                   string // error; "" opens
	}{
		{"in place", s, issuer, "ES256", "kid", sealed, ""},
		{"after the current master key changed", both, issuer, "ES256", "kid", sealed, ""},
		{"other issuer", s, issuer + "/", "ES256", "kid", sealed, "did not seal it"},
		{"other algorithm", s, issuer, "ES384", "kid", sealed, "did not seal it"},
		{"other kid", s, issuer, "ES256", "kid2", sealed, "did not seal it"},
		{"parts moved over their borders", s, issuer + "E", "S256", "kid", sealed, "did not seal it"},
		{"changed tag", s, issuer, "ES256", "kid", flip(len(sealed) - 1), "did not seal it"},
		{"changed salt", s, issuer, "ES256", "kid", flip(5), "did not seal it"},
		{"other bytes under the same id", other, issuer, "ES256", "kid", sealed, `master key "a" did not seal it`},
		{"master key taken away", later, issuer, "ES256", "kid", sealed, `"a" is missing`},
		{"format of the future", s, issuer, "ES256", "kid", flip(0), "format 0"},
		{"cut short", s, issuer, "ES256", "kid", sealed[:30], "cut short"},
		{"nothing", s, issuer, "ES256", "kid", nil, "cut short"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := test.sealer.Open(test.issuer, test.algorithm, test.kid, test.sealed)
			if test.want == "" {
				if err != nil || string(got) != "private" {
					t.Fatalf("got %q, %v", got, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want an error with %q", err, test.want)
			}
			if strings.Contains(test.want, "master key") && !errors.Is(err, jwks.ErrMasterKey) {
				t.Errorf("%v is not ErrMasterKey", err)
			}
		})
	}
}

func TestMasterKeyIsCheckedAtStart(t *testing.T) {
	check := sealerOf(t, map[string][]byte{"a": masterA}, "a").CheckValue()
	for _, test := range []struct {
		name    string
		masters map[string][]byte
		current string
		check   string
		want    string
	}{
		{"same", map[string][]byte{"a": masterA}, "a", check, ""},
		{"same, no longer current", map[string][]byte{"a": masterA, "b": masterB}, "b", check, ""},
		{"another under its id", map[string][]byte{"a": masterB}, "a", check, `given as "a" is not the one`},
		{"missing", map[string][]byte{"b": masterA}, "b", check, `"a" is missing`},
		{"malformed", map[string][]byte{"a": masterA}, "a", "nonsense", "malformed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := sealerOf(t, test.masters, test.current).Verify(test.check)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestNewSealerRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		masters map[string][]byte
		current string
		want    string
	}{
		"no master key":     {nil, "a", `"a"`},
		"missing current":   {map[string][]byte{"b": masterA}, "a", `"a"`},
		"short master key":  {map[string][]byte{"a": masterA[:31]}, "a", "31 bytes are too few"},
		"no id":             {map[string][]byte{"": masterA}, "", "want 1 to 64"},
		"colon in id":       {map[string][]byte{"a:b": masterA}, "a:b", "no colon"},
		"id that is a book": {map[string][]byte{strings.Repeat("a", 65): masterA}, "a", "want 1 to 64"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := jwks.NewSealer(test.masters, test.current)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}

func TestNothingPrintsSecrets(t *testing.T) {
	var log bytes.Buffer
	s := sealerOf(t, map[string][]byte{"a": masterA}, "a")
	c := complete(t, jwks.Config{Sealer: s, Log: slog.New(slog.NewJSONHandler(&log, nil))})
	r, err := jwks.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := r.Rotate(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	slog.New(slog.NewTextHandler(&log, nil)).Info("all", "sealer", s, "config", c, "ring", r, "key", keys[0])
	for _, v := range []any{s, *s, c, r, *s, struct{ s *jwks.Sealer }{s}, struct{ s jwks.Sealer }{*s}, []any{s}, map[string]any{"s": s}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&log, verb, v)
		}
	}
	if b, err := json.Marshal(map[string]any{"sealer": s, "keys": r.Keys()}); err != nil {
		t.Error(err)
	} else {
		log.Write(b)
	}
	for _, secret := range []string{
		string(masterA[:8]), hex.EncodeToString(masterA[:8]), base64.RawStdEncoding.EncodeToString(masterA[:6]),
		strings.TrimSpace(strings.Repeat("65 ", 8)), strings.TrimSpace(strings.Repeat("0x41, ", 8)),
	} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the master key is printed as %q", secret)
		}
	}
	if !strings.Contains(log.String(), "sealer with master key a") {
		t.Error("the redacted form is not printed")
	}
}
