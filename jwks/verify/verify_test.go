package verify_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/claimsmith/claimsmith/jwks"
	"github.com/claimsmith/claimsmith/jwks/internal/jwk"
	"github.com/claimsmith/claimsmith/jwks/verify"
	"github.com/golang-jwt/jwt/v5"
)

const (
	issuerURL = "https://login.example/eu"
	audience  = "https://api.example"
)

// An issuer is a ring whose HTTP answers a verifier gets without a network.
type issuer struct {
	ring     *jwks.Ring
	down     atomic.Bool
	requests atomic.Int32
	handlers map[string]http.HandlerFunc // by path, instead of the usual ones
}

func newIssuer(t testing.TB, c jwks.Config) *issuer {
	t.Helper()
	sealer, err := jwks.NewSealer(map[string][]byte{"m": bytes.Repeat([]byte("m"), 32)}, "m")
	if err != nil {
		t.Fatal(err)
	}
	c.Issuer, c.Store, c.Sealer, c.Log = "eu", new(jwks.MemoryStore), sealer, slog.New(slog.DiscardHandler)
	ring, err := jwks.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return &issuer{ring: ring, handlers: map[string]http.HandlerFunc{
		"/.well-known/oauth-authorization-server/eu": func(w http.ResponseWriter, _ *http.Request) {
			w.Write([]byte(`{"issuer":"` + issuerURL + `","jwks_uri":"` + issuerURL + `/keys"}`))
		},
		"/eu/keys": ring.ServeHTTP,
	}}
}

var errDown = errors.New("the issuer is down")

// RoundTrip implements http.RoundTripper.
func (i *issuer) RoundTrip(r *http.Request) (*http.Response, error) {
	i.requests.Add(1)
	if i.down.Load() {
		return nil, errDown
	}
	w := httptest.NewRecorder()
	if h := i.handlers[r.URL.Path]; h != nil {
		h(w, r)
	} else {
		w.WriteHeader(http.StatusNotFound)
	}
	return w.Result(), nil
}

func (i *issuer) verifier(t testing.TB, c verify.Config) *verify.Verifier {
	t.Helper()
	c.Issuer, c.Audience = issuerURL, append(c.Audience, audience)
	c.Client, c.Log = &http.Client{Transport: i}, slog.New(slog.DiscardHandler)
	v, err := verify.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// token returns a good token but for the changes; nil removes a claim.
func (i *issuer) token(t testing.TB, typ string, changes map[string]any) string {
	t.Helper()
	token, err := i.ring.Sign(t.Context(), "", typ, claims(t, changes))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func claims(t testing.TB, changes map[string]any) []byte {
	t.Helper()
	now := time.Now()
	c := map[string]any{
		"iss": issuerURL, "sub": "alice", "aud": audience, "client_id": "portal", "jti": "1", "sid": "2",
		"scope": "read write", "iat": now.Unix(), "exp": now.Add(10 * time.Minute).Unix(), "groups": []string{"staff"},
	}
	maps.Copy(c, changes)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	raw, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestEveryAlgorithmVerifies(t *testing.T) {
	i := newIssuer(t, jwks.Config{Algorithms: jwks.Algorithms()})
	v := i.verifier(t, verify.Config{})
	for _, name := range jwks.Algorithms() {
		token, err := i.ring.Sign(t.Context(), name, "at+jwt", claims(t, nil))
		if err != nil {
			t.Fatal(err)
		}
		got, err := v.Verify(t.Context(), token)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var own struct{ Groups []string }
		if err := got.Claims(&own); err != nil || len(own.Groups) != 1 {
			t.Errorf("%s: own claims: %v, %v", name, own, err)
		}
		if got.Subject != "alice" || got.ClientID != "portal" || got.Session != "2" || !got.HasScope("write") || got.HasScope("admin") || got.Algorithm != name {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if n := i.requests.Load(); n != 2 {
		t.Errorf("it took %d requests, want one for the metadata and one for the keys", n)
	}
}

func TestVerifyRefuses(t *testing.T) {
	i := newIssuer(t, jwks.Config{Algorithms: []string{"RS256", "PS256"}})
	v := i.verifier(t, verify.Config{})
	good := i.token(t, "at+jwt", nil)
	if _, err := v.Verify(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	other := newIssuer(t, jwks.Config{Algorithms: []string{"RS256"}})
	now := time.Now()
	for name, token := range map[string]string{
		"expired":                  i.token(t, "at+jwt", map[string]any{"exp": now.Add(-time.Second).Unix()}),
		"without an end":           i.token(t, "at+jwt", map[string]any{"exp": nil}),
		"an end in capitals":       i.token(t, "at+jwt", map[string]any{"exp": nil, "EXP": now.Add(time.Hour).Unix()}),
		"an end of another type":   i.token(t, "at+jwt", map[string]any{"exp": "never"}),
		"not yet valid":            i.token(t, "at+jwt", map[string]any{"nbf": now.Add(time.Minute).Unix()}),
		"of another issuer":        i.token(t, "at+jwt", map[string]any{"iss": issuerURL + "/"}),
		"of no issuer":             i.token(t, "at+jwt", map[string]any{"iss": nil}),
		"for another service":      i.token(t, "at+jwt", map[string]any{"aud": []string{audience + "2"}}),
		"for nobody":               i.token(t, "at+jwt", map[string]any{"aud": nil}),
		"of another type":          i.token(t, "JWT", nil),
		"by a key of another ring": other.token(t, "at+jwt", nil),
		"HMAC with the public key": hmacOfPublicKey(t, i, good),
		"unsigned":                 good[:strings.LastIndexByte(good, '.')+1],
		"nothing":                  "",
	} {
		if _, err := v.Verify(t.Context(), token); !errors.Is(err, verify.ErrInvalid) || errors.Is(err, verify.ErrUnavailable) {
			t.Errorf("a token %s: %v, want ErrInvalid", name, err)
		}
	}
	pinned := i.verifier(t, verify.Config{Algorithms: []string{"PS256"}})
	if _, err := pinned.Verify(t.Context(), good); !errors.Is(err, verify.ErrInvalid) {
		t.Errorf("an algorithm that is not wanted: %v", err)
	}
	lenient := i.verifier(t, verify.Config{Leeway: time.Minute, Type: "application/AT+jwt"})
	if _, err := lenient.Verify(t.Context(), i.token(t, "at+jwt", map[string]any{"exp": now.Add(-time.Second).Unix()})); err != nil {
		t.Errorf("expired by less than the leeway: %v", err)
	}
}

// hmacOfPublicKey signs with the issuer's public key as an HMAC secret.
func hmacOfPublicKey(t *testing.T, i *issuer, token string) string {
	t.Helper()
	w := httptest.NewRecorder()
	i.ring.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	var set struct{ Keys []json.RawMessage }
	if err := json.Unmarshal(w.Body.Bytes(), &set); err != nil {
		t.Fatal(err)
	}
	k, err := jwk.Parse(set.Keys[0])
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(k.Public)
	if err != nil {
		t.Fatal(err)
	}
	forged := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"sub": "mallory"})
	forged.Header["kid"], forged.Header["typ"] = k.KID, "at+jwt"
	text, err := forged.SignedString(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// rotating is a ring that rotates every hour, and a verifier of it, in the
// bubble of a test.
func rotating(t *testing.T, c verify.Config) (*issuer, *verify.Verifier) {
	i := newIssuer(t, jwks.Config{
		RotateEvery: time.Hour, Announce: 20 * time.Minute, MaxAge: 5 * time.Minute,
		Retain: 10 * time.Minute, Skew: time.Minute, Poll: time.Minute,
	})
	var wg sync.WaitGroup
	wg.Go(func() { i.ring.Run(t.Context()) })
	t.Cleanup(wg.Wait)
	return i, i.verifier(t, c)
}

func TestNoTokenIsRejectedWhileKeysRotate(t *testing.T) {
	for name, background := range map[string]bool{"asking when needed": false, "asking in time": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i, v := rotating(t, verify.Config{})
				if background {
					var wg sync.WaitGroup
					wg.Go(func() { v.Run(t.Context()) })
					t.Cleanup(wg.Wait)
				}
				var live []string
				keys := map[string]bool{}
				const minutes = 24 * 60
				for range minutes {
					live = append(live, i.token(t, "at+jwt", nil))
					for _, token := range live {
						verified, err := v.Verify(t.Context(), token)
						if err != nil {
							t.Fatal(err)
						}
						keys[verified.KID] = true
					}
					time.Sleep(time.Minute)
					live = live[max(len(live)-9, 0):] // the oldest expires
				}
				if len(keys) < 23 {
					t.Errorf("%d keys signed in 24 h, want one an hour", len(keys))
				}
				if n := i.requests.Load(); n > minutes/2 {
					t.Errorf("%d requests in 24 h, want one in five minutes", n)
				}
			})
		})
	}
}

func TestUnknownKidsAskSparingly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, v := rotating(t, verify.Config{Cooldown: 10 * time.Second})
		stranger := newIssuer(t, jwks.Config{}).token(t, "at+jwt", nil)
		for range 100 {
			if _, err := v.Verify(t.Context(), stranger); !errors.Is(err, verify.ErrInvalid) {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		if n := i.requests.Load(); n > 12 {
			t.Errorf("unknown kids for 100 s made %d requests, want one in 10 s", n)
		}
		if _, err := i.ring.Rotate(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		if _, err := v.Verify(t.Context(), i.token(t, "at+jwt", nil)); err != nil {
			t.Errorf("a key that signs without having been announced: %v", err)
		}
	})
}

func TestRevokedKeyIsRefusedOnceTheSetMayNoLongerBeKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, v := rotating(t, verify.Config{})
		token := i.token(t, "at+jwt", nil)
		verified, err := v.Verify(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := i.ring.Revoke(t.Context(), verified.KID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		if _, err := v.Verify(t.Context(), token); !errors.Is(err, verify.ErrInvalid) {
			t.Errorf("after max-age: %v, want ErrInvalid", err)
		}
		if _, err := v.Verify(t.Context(), i.token(t, "at+jwt", nil)); err != nil {
			t.Errorf("a token of the successor: %v", err)
		}
	})
}

func TestIssuerIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, v := rotating(t, verify.Config{MaxStale: 2 * time.Hour})
		i.down.Store(true)
		endless := i.token(t, "at+jwt", map[string]any{"exp": time.Now().Add(100 * time.Hour).Unix()})
		if _, err := v.Verify(t.Context(), endless); !errors.Is(err, verify.ErrUnavailable) || !errors.Is(err, errDown) {
			t.Errorf("without any key: %v, want ErrUnavailable", err)
		}
		i.down.Store(false)
		time.Sleep(time.Minute)
		if _, err := v.Verify(t.Context(), endless); err != nil {
			t.Fatal(err)
		}
		i.down.Store(true)
		before := i.requests.Load()
		for range 60 {
			time.Sleep(time.Minute)
			if _, err := v.Verify(t.Context(), endless); err != nil {
				t.Fatalf("with keys that are known: %v", err)
			}
		}
		if n := i.requests.Load() - before; n > 140 {
			t.Errorf("an issuer that is down got %d requests in an hour", n)
		}
		stranger := newIssuer(t, jwks.Config{}).token(t, "at+jwt", nil)
		if _, err := v.Verify(t.Context(), stranger); !errors.Is(err, verify.ErrUnavailable) {
			t.Errorf("an unknown key: %v, want ErrUnavailable: it may be a new one", err)
		}
		time.Sleep(2 * time.Hour)
		if _, err := v.Verify(t.Context(), endless); !errors.Is(err, verify.ErrUnavailable) {
			t.Errorf("after MaxStale: %v, want ErrUnavailable", err)
		}
	})
}

func TestAnswersThatAreRefused(t *testing.T) {
	write := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(text)) }
	}
	const metadata = "/.well-known/oauth-authorization-server/eu"
	for _, test := range []struct {
		name, path string
		handler    http.HandlerFunc
		want       string
	}{
		{"metadata of another issuer", metadata, write(`{"issuer":"https://evil.example","jwks_uri":"https://evil.example"}`), `of the issuer "https://evil.example"`},
		{"keys over http", metadata, write(`{"issuer":"` + issuerURL + `","jwks_uri":"http://login.example/keys"}`), "less secure"},
		{"keys nowhere", metadata, write(`{"issuer":"` + issuerURL + `"}`), "not a URL"},
		{"metadata that is HTML", metadata, write(`<html>`), "read metadata"},
		{"keys that are HTML", "/eu/keys", write(`<html>`), "not a JWK Set"},
		{"keys without keys", "/eu/keys", write(`{}`), "it has no keys"},
		{"an endless answer", "/eu/keys", write(strings.Repeat(" ", 1<<20+1)), "more than 1048576 bytes"},
		{"an error", "/eu/keys", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) }, "502 Bad Gateway"},
	} {
		i := newIssuer(t, jwks.Config{})
		i.handlers[test.path] = test.handler
		_, err := i.verifier(t, verify.Config{}).Verify(t.Context(), i.token(t, "at+jwt", nil))
		if !errors.Is(err, verify.ErrUnavailable) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want ErrUnavailable and %q", test.name, err, test.want)
		}
	}
	i := newIssuer(t, jwks.Config{})
	i.handlers["/eu/.well-known/openid-configuration"] = i.handlers[metadata]
	delete(i.handlers, metadata)
	if _, err := i.verifier(t, verify.Config{}).Verify(t.Context(), i.token(t, "at+jwt", nil)); err != nil {
		t.Errorf("an issuer with OpenID Connect Discovery alone: %v", err)
	}
}

func TestHandler(t *testing.T) {
	i := newIssuer(t, jwks.Config{})
	h := i.verifier(t, verify.Config{}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte("hello, " + verify.FromContext(r.Context()).Subject))
	}), "read", "write")
	good := i.token(t, "at+jwt", nil)
	for _, test := range []struct {
		authorization string
		status        int
		challenge     string
	}{
		{"Bearer " + good, 200, ""},
		{"bearer " + good, 200, ""},
		{"", 401, "Bearer"},
		{"Basic " + good, 401, "Bearer"},
		{"Bearer x", 401, `Bearer error="invalid_token"`},
		{"Bearer " + i.token(t, "at+jwt", map[string]any{"scope": "read"}), 403, `Bearer error="insufficient_scope", scope="read write"`},
	} {
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", test.authorization)
		h.ServeHTTP(w, r)
		if w.Code != test.status || w.Header().Get("WWW-Authenticate") != test.challenge || w.Code == 200 && w.Body.String() != "hello, alice" {
			t.Errorf("%.12s: %d %q %q", test.authorization, w.Code, w.Header().Get("WWW-Authenticate"), w.Body)
		}
	}
	i.down.Store(true)
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+good)
	i.verifier(t, verify.Config{}).Handler(h).ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("without keys: %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
}

func TestConfigThatIsRefused(t *testing.T) {
	for want, c := range map[string]verify.Config{
		"not a URL":              {Issuer: "login.example", Audience: []string{audience}},
		"an audience is needed":  {Issuer: issuerURL},
		`algorithm "HS256"`:      {Issuer: issuerURL, Audience: []string{audience}, Algorithms: []string{"HS256"}},
		`algorithm "none" is no`: {Issuer: issuerURL, Audience: []string{audience}, Algorithms: []string{"none"}},
	} {
		if _, err := verify.New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	i := newIssuer(b, jwks.Config{})
	v := i.verifier(b, verify.Config{})
	token := i.token(b, "at+jwt", nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(context.Background(), token); err != nil {
			b.Fatal(err)
		}
	}
}
