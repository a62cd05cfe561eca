package dialect_test

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"github.com/claimsmith/claimsmith/internal/servertest"
	"github.com/claimsmith/claimsmith/server/dialect"
)

// TestTokensVerifyElsewhere gives tokens to golang-jwt, with the secret that a
// deployed verifier has.
func TestTokensVerifyElsewhere(t *testing.T) {
	for _, name := range []string{"asset-infinity", "servicemobility"} {
		s := newSite(t, dialect.Config{Dialect: load(t, name)})
		claims := jwt.MapClaims{}
		_, err := jwt.ParseWithClaims(s.login(t, name), claims, func(*jwt.Token) (any, error) { return secretOf(name), nil },
			jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithStrictDecoding())
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Those whose claims or payload golang-jwt cannot read: it checks the signature.
	for name, method := range map[string]jwt.SigningMethod{"crm-com": jwt.SigningMethodHS256, "woodwing": jwt.SigningMethodHS512} {
		s := newSite(t, dialect.Config{Dialect: load(t, name)})
		token := s.login(t, name)
		dot := strings.LastIndexByte(token, '.')
		signature, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
		if err != nil {
			t.Fatal(err)
		}
		if err := method.Verify(token[:dot], signature, secretOf(name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := method.Verify(token[:dot], signature, secretOf("another")); err == nil {
			t.Errorf("%s: another secret verifies it", name)
		}
	}
}

// TestCompressedPayloads inflates as strict readers do, who want the final
// block and the checksum, and as lenient ones do, who stop at the flush.
func TestCompressedPayloads(t *testing.T) {
	s := newSite(t, dialect.Config{Dialect: load(t, "woodwing")})
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(s.login(t, "woodwing"), ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	strict, err := zlib.NewReader(bytes.NewReader(payload))
	if err != nil {
		t.Fatal(err)
	}
	whole, err := io.ReadAll(strict)
	if err != nil {
		t.Errorf("a strict reader: %v", err)
	}
	if !json.Valid(whole) {
		t.Errorf("not JSON: %s", whole)
	}
	flushed := bytes.LastIndex(payload, []byte{0, 0, 0xff, 0xff})
	if flushed < 0 {
		t.Fatal("the stream was not flushed before it was closed")
	}
	lenient, err := dialect.Inflate(payload[:flushed+4])
	if err != nil || !bytes.Equal(lenient, whole) {
		t.Errorf("up to the flush: %v, %s", err, lenient)
	}
	closed, err := dialect.Inflate(payload)
	if err != nil || !bytes.Equal(closed, whole) {
		t.Errorf("all of it: %v, %s", err, closed)
	}
}

func TestInflatingIsBounded(t *testing.T) {
	for size, fits := range map[int]bool{64 << 10: true, 64<<10 + 1: false, 10 << 20: false} {
		stream, err := dialect.Deflate(bytes.Repeat([]byte("a"), size))
		if err != nil {
			t.Fatal(err)
		}
		if out, err := dialect.Inflate(stream); (err == nil) != fits || len(out) > 64<<10 {
			t.Errorf("%d bytes: %d, %v", size, len(out), err)
		}
	}
	for _, bad := range []string{"", "x", "\x78", "\x78\x9c", "\x78\x9cnonsense"} {
		if _, err := dialect.Inflate([]byte(bad)); err == nil {
			t.Errorf("%q was inflated", bad)
		}
	}
}

// TestOneLineMovesADialectToTheJWKS verifies its tokens with nothing but what
// the issuer publishes.
func TestOneLineMovesADialectToTheJWKS(t *testing.T) {
	for _, name := range dialect.Names() {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, dialect.Config{Dialect: load(t, name), Algorithm: "ES256"})
			token := s.login(t, name)
			var keys jose.JSONWebKeySet
			w := httptest.NewRecorder()
			s.mux.ServeHTTP(w, httptest.NewRequest("GET", "/.well-known/jwks.json", nil))
			if err := json.Unmarshal(w.Body.Bytes(), &keys); err != nil {
				t.Fatal(err)
			}
			claims := jwt.RegisteredClaims{}
			_, err := jwt.ParseWithClaims(token, &claims, func(token *jwt.Token) (any, error) {
				kid, _ := token.Header["kid"].(string)
				if found := keys.Key(kid); len(found) == 1 {
					return found[0].Key, nil
				}
				return nil, errors.New("no such key")
			}, jwt.WithValidMethods([]string{"ES256"}), jwt.WithExpirationRequired(), jwt.WithStrictDecoding())
			if err != nil {
				t.Fatal(err)
			}
			if got := time.Until(claims.ExpiresAt.Time); got < 9*time.Minute {
				t.Errorf("expires in %v", got)
			}
			if got := s.read(t, name, token); !got.Valid(time.Now()) {
				t.Errorf("read back: %+v", got)
			}
		})
	}
}

const joseScript = `
import { compactVerify, jwtVerify, createLocalJWKSet, decodeProtectedHeader } from "jose";
import { inflateSync, constants } from "node:zlib";
const { cases, jwks } = JSON.parse(process.argv[2]);
for (const c of cases) {
  const key = c.secret ? Buffer.from(c.secret, "base64") : createLocalJWKSet(jwks);
  if (c.plain) {
    await jwtVerify(c.token, key, { algorithms: [c.algorithm] });
    console.log(c.name, "ok");
    continue;
  }
  const { payload } = await compactVerify(c.token, key, { algorithms: [c.algorithm] });
  let text = Buffer.from(payload);
  if (decodeProtectedHeader(c.token).zip === "DEF") {
    const strict = inflateSync(text).toString();
    text = inflateSync(text, { finishFlush: constants.Z_SYNC_FLUSH }).toString();
    if (strict !== text) throw new Error("strict and lenient differ");
  }
  JSON.parse(text);
  console.log(c.name, "ok");
}
`

// TestJOSEVerifiesTokens gives tokens to jose under Node.
func TestJOSEVerifiesTokens(t *testing.T) {
	dir := installJOSE(t)
	type verification struct {
		Name      string `json:"name"`
		Token     string `json:"token"`
		Secret    []byte `json:"secret,omitempty"`
		Algorithm string `json:"algorithm"`
		Plain     bool   `json:"plain"` // times as RFC 7519 has them
	}
	var cases []verification
	var s *site
	for _, name := range dialect.Names() {
		d := load(t, name)
		s = newSite(t, dialect.Config{Dialect: d})
		v := verification{Name: name, Token: s.login(t, name), Algorithm: d.Algorithm, Plain: name == "asset-infinity" || name == "servicemobility"}
		if dialect.IsHMAC(d.Algorithm) {
			v.Secret = secretOf(name)
		}
		s = newSite(t, dialect.Config{Dialect: d, Algorithm: "ES256"})
		cases = append(cases, v, verification{Name: name + " moved", Token: s.login(t, name), Algorithm: "ES256", Plain: true})
	}
	w := httptest.NewRecorder()
	s.mux.ServeHTTP(w, httptest.NewRequest("GET", "/.well-known/jwks.json", nil))
	input, err := json.Marshal(map[string]any{"cases": cases, "jwks": json.RawMessage(w.Body.Bytes())})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "verify.mjs"), []byte(joseScript), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "node", "verify.mjs", string(input))
	command.Dir = dir
	out, err := command.CombinedOutput()
	if err != nil || strings.Count(string(out), " ok\n") != len(cases) {
		t.Errorf("%v\n%s", err, out)
	}
}

// installJOSE returns a directory with the jose of the example service.
func installJOSE(t *testing.T) string {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			servertest.Missing(t, "%s is not installed", program)
		}
	}
	dir := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json"} {
		text, err := os.ReadFile("../../examples/relying-node/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	install := exec.CommandContext(t.Context(), "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--no-update-notifier")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		servertest.Missing(t, "jose could not be installed: %v\n%s", err, out)
	}
	return dir
}
