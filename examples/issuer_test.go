package examples_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
)

// audience is what the relying services are called in tokens.
const audience = "https://api.example.com"

// issuer publishes metadata and keys, and makes whatever token a test asks for,
// which the real server would not.
type issuer struct {
	*httptest.Server
	mu      sync.Mutex
	keys    []key
	fetches int // of the keys
}

// key is a signing key under its id.
type key struct {
	id      string
	method  jwt.SigningMethod
	private crypto.Signer
}

func newIssuer(t *testing.T) *issuer {
	iss := new(issuer)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"issuer": %q, "jwks_uri": %q}`, iss.URL, iss.URL+"/keys")
	})
	mux.HandleFunc("GET /keys", iss.serveKeys)
	iss.Server = httptest.NewUnstartedServer(mux)
	iss.Start() // what the handler reads is there before anybody can ask
	t.Cleanup(iss.Close)
	iss.publish(newKey(t, "elliptic", jwt.SigningMethodES256))
	return iss
}

func (iss *issuer) serveKeys(w http.ResponseWriter, _ *http.Request) {
	iss.mu.Lock()
	defer iss.mu.Unlock()
	iss.fetches++
	set := []any{map[string]string{"kty": "AKP", "kid": "of a kind to come", "alg": "ML-DSA-44", "pub": "AAAA"}}
	for _, k := range iss.keys {
		set = append(set, jose.JSONWebKey{Key: k.private.Public(), KeyID: k.id, Algorithm: k.method.Alg(), Use: "sig"})
	}
	json.NewEncoder(w).Encode(map[string]any{"keys": set})
}

// publish adds a key and returns it.
func (iss *issuer) publish(k key) key {
	iss.mu.Lock()
	defer iss.mu.Unlock()
	iss.keys = append(iss.keys, k)
	return k
}

func (iss *issuer) countFetches() int {
	iss.mu.Lock()
	defer iss.mu.Unlock()
	return iss.fetches
}

// claims are those of a good token; changes replace them, nil removes one.
func (iss *issuer) claims(changes jwt.MapClaims) jwt.MapClaims {
	now := time.Now()
	c := jwt.MapClaims{
		"iss": iss.URL, "sub": "alice", "aud": audience, "client_id": "demo", "jti": "1", "scope": "read",
		"iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	}
	maps.Copy(c, changes)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

// token is a good one, but for the changes, signed by the issuer's first key.
func (iss *issuer) token(t *testing.T, changes jwt.MapClaims) string {
	t.Helper()
	return iss.keys[0].sign(t, iss.claims(changes), nil)
}

// sign makes a token; header replaces what its header would say.
func (k key) sign(t *testing.T, claims jwt.MapClaims, header map[string]any) string {
	t.Helper()
	return sign(t, k.method, k.private, claims, map[string]any{"kid": k.id}, header)
}

// sign makes an access token by a method and its kind of key.
func sign(t *testing.T, method jwt.SigningMethod, private any, claims jwt.MapClaims, headers ...map[string]any) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	token.Header["typ"] = "at+jwt"
	for _, h := range headers {
		maps.Copy(token.Header, h)
	}
	text, err := token.SignedString(private)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func newKey(t *testing.T, id string, method jwt.SigningMethod) key {
	t.Helper()
	var private crypto.Signer
	var err error
	switch method.(type) {
	case *jwt.SigningMethodECDSA:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case *jwt.SigningMethodEd25519:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	default:
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		t.Fatal(err)
	}
	return key{id, method, private}
}
