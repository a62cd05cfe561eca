package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/claimsmith/claimsmith/server/oauth"
)

// signer makes assertions, and a file of its public key in dir.
func signer(t *testing.T, dir, file string) func(issuer, subject, audience string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "one"}}})
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir, file, string(set))
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "one"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return func(issuer, subject, audience string) string {
		payload, err := json.Marshal(map[string]any{
			"iss": issuer, "sub": subject, "aud": audience, "jti": rand.Text(), "exp": time.Now().Add(time.Minute).Unix(),
		})
		if err != nil {
			t.Fatal(err)
		}
		jws, err := s.Sign(payload)
		if err != nil {
			t.Fatal(err)
		}
		text, err := jws.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
}

// A client that has a key and no secret brings the assertion of a partner. What
// it needs stands in the configuration alone.
func TestAssertionsByConfiguration(t *testing.T) {
	t.Parallel()
	const partner = "https://login.partner.example"
	listen := freeAddress(t)
	dir := newSite(t, listen, "", `    clients:
      - {id: broker, jwks: {file: broker.json}, grants: [jwt-bearer], scopes: [read]}
    trusted_issuers:
      - issuer: `+partner+`
        jwks: {file: partner.json}
        identity: {subject: "partner:${claims.sub}"}
`)
	broker, trusted := signer(t, dir, "broker.json"), signer(t, dir, "partner.json")
	p := start(t, dir, listen)
	form := url.Values{
		"grant_type": {oauth.GrantJWTBearer}, "assertion": {trusted(partner, "bob", p.URL)},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"client_assertion":      {broker("broker", "broker", p.URL+"/oauth2/token")},
	}
	resp, err := http.Post(p.URL+"/oauth2/token", "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	var answer reply
	if err := json.Unmarshal(body.Bytes(), &answer); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d, body %s", resp.StatusCode, &body)
	}
	claims, err := p.verify(answer.AccessToken)
	if err != nil || claims["sub"] != "partner:bob" || claims["client_id"] != "broker" {
		t.Errorf("claims %v, error %v", claims, err)
	}
	var metadata struct {
		GrantTypes []string `json:"grant_types_supported"`
		Algorithms []string `json:"id_token_signing_alg_values_supported"`
	}
	if err := getJSON(p.URL+"/.well-known/openid-configuration", &metadata); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(metadata.GrantTypes, oauth.GrantJWTBearer) || !slices.Equal(metadata.Algorithms, []string{"ES256"}) {
		t.Errorf("metadata %+v", metadata)
	}
}
