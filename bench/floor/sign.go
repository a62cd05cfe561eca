package floor

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// signer signs access tokens with one ES256 key.
type signer struct {
	key    *ecdsa.PrivateKey
	kid    string
	header string
}

func newSigner() *signer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	s := &signer{key: key, kid: rand.Text()}
	s.header = base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"alg":"ES256","kid":"%s","typ":"at+jwt"}`, s.kid)) + "."
	return s
}

// claims are those of the server's access tokens, by the same names.
type claims struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
	Client   string `json:"client_id"`
	Expires  int64  `json:"exp"`
	Issued   int64  `json:"iat"`
	ID       string `json:"jti"`
	Session  string `json:"sid"`
	Scope    string `json:"scope"`
}

const (
	lifetime = 10 * time.Minute
	scope    = "read write"
)

// sign returns an access token of a subject.
func (s *signer) sign(c Config, subject, session string) (string, error) {
	now := time.Now()
	payload, err := json.Marshal(claims{
		Issuer: c.Issuer, Subject: subject, Audience: "https://api.example.com", Client: c.Client,
		Expires: now.Add(lifetime).Unix(), Issued: now.Unix(), ID: rand.Text(), Session: session, Scope: scope,
	})
	if err != nil {
		return "", err
	}
	b := make([]byte, 0, 1024)
	b = append(b, s.header...)
	b = base64.RawURLEncoding.AppendEncode(b, payload)
	signature, err := jwt.SigningMethodES256.Sign(string(b), s.key)
	if err != nil {
		return "", err
	}
	return string(base64.RawURLEncoding.AppendEncode(append(b, '.'), signature)), nil
}

// published serves a key set of two keys, as the server's is while one of them
// is announced.
func (s *signer) published() http.Handler {
	coordinate := base64.RawURLEncoding.EncodeToString(make([]byte, 32))
	key := fmt.Sprintf(`{"kty":"EC","crv":"P-256","x":"%s","y":"%[1]s","kid":"%s","use":"sig","alg":"ES256"}`, coordinate, s.kid)
	return fixed("application/json", `{"keys":[`+key+`]}`)
}
