package oauth

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// ClientMethod says how a client authenticates (RFC 8414,
// token_endpoint_auth_methods_supported).
type ClientMethod string

// The ways to authenticate a client.
const (
	ClientNone          ClientMethod = "none" // a public client
	ClientSecretBasic   ClientMethod = "client_secret_basic"
	ClientSecretPost    ClientMethod = "client_secret_post"
	ClientPrivateKeyJWT ClientMethod = "private_key_jwt" // RFC 7523 section 2.2
	// ClientTrusted is a request that the server itself makes for a client: a
	// dialect's. It never comes from a form.
	ClientTrusted ClientMethod = "trusted"
)

// ClientCredential is who a client says it is, and what it offers as proof.
type ClientCredential struct {
	ID        string
	Method    ClientMethod
	Secret    sdk.Secret // for ClientSecretBasic and ClientSecretPost
	Assertion sdk.Secret // for ClientPrivateKeyJWT

	// raw is what a Basic header says to those who do not decode its parts,
	// nil where that is the same. Many clients do not encode them.
	raw *ClientCredential
}

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// parseClient reads how the client authenticates: by one method, not two (RFC
// 6749 section 2.3).
func parseClient(header http.Header, form url.Values) (ClientCredential, *Error) {
	c := ClientCredential{ID: form.Get("client_id"), Method: ClientNone}
	ways := 0
	if secret := form.Get("client_secret"); secret != "" {
		c.Secret, c.Method = sdk.Secret(secret), ClientSecretPost
		ways++
	}
	if form.Get("client_assertion") != "" || form.Get("client_assertion_type") != "" {
		ways++
	}
	authorization := header["Authorization"]
	if ways += len(authorization); ways > 1 {
		return c, invalidRequest("the client authenticates in more than one way")
	}
	switch {
	case len(authorization) == 1:
		return c.withBasic(authorization[0])
	case form.Get("client_assertion") != "" || form.Get("client_assertion_type") != "":
		return c.withAssertion(form)
	case c.ID == "":
		return c, invalidClient(errors.New("no client_id and no Authorization header"))
	}
	return c, nil
}

func (c ClientCredential) withBasic(authorization string) (ClientCredential, *Error) {
	basic, ok := parseBasic(authorization)
	if !ok {
		return c, invalidClient(errors.New("malformed Authorization header"))
	}
	if c.ID != "" && c.ID != basic.ID && (basic.raw == nil || c.ID != basic.raw.ID) {
		return c, invalidRequest("client_id differs from the one in the Authorization header")
	}
	return basic, nil
}

// parseBasic reads HTTP Basic credentials. Their two parts are form-encoded
// (RFC 6749 section 2.3.1), or should be: what stands there undecoded is kept
// beside.
func parseBasic(authorization string) (c ClientCredential, ok bool) {
	scheme, encoded, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return c, false
	}
	text, err := base64.StdEncoding.DecodeString(strings.TrimLeft(encoded, " "))
	if err != nil {
		return c, false
	}
	user, password, ok := strings.Cut(string(text), ":")
	if !ok {
		return c, false
	}
	raw, okRaw := newBasic(user, password)
	id, err1 := url.QueryUnescape(user)
	secret, err2 := url.QueryUnescape(password)
	decoded, okDecoded := newBasic(id, secret)
	switch {
	case err1 != nil || err2 != nil || !okDecoded:
		return raw, okRaw
	case okRaw && (id != user || secret != password):
		decoded.raw = &raw
	}
	return decoded, true
}

func newBasic(id, secret string) (c ClientCredential, ok bool) {
	text := id + secret
	if id == "" || !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return c, false
	}
	return ClientCredential{ID: id, Method: ClientSecretBasic, Secret: sdk.Secret(secret)}, true
}

// withAssertion reads a signed assertion (RFC 7521 section 4.2). It names the
// client; client_id need not, and must not name another.
func (c ClientCredential) withAssertion(form url.Values) (ClientCredential, *Error) {
	if form.Get("client_assertion_type") != assertionType {
		return c, invalidRequest("client_assertion_type must be " + assertionType)
	}
	text := form.Get("client_assertion")
	if text == "" {
		return c, invalidRequest("client_assertion is missing")
	}
	claims, err := peekAssertion(text)
	if err != nil || claims.Subject == "" {
		return c, invalidClient(errors.New("the client assertion is malformed or has no sub"))
	}
	if c.ID != "" && c.ID != claims.Subject {
		return c, invalidClient(errors.New("client_id differs from the assertion's sub"))
	}
	return ClientCredential{ID: claims.Subject, Method: ClientPrivateKeyJWT, Assertion: sdk.Secret(text)}, nil
}
