package oauth

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// metadata is what the issuer tells of itself (RFC 8414 section 2, OpenID
// Connect Discovery section 3). One document serves both paths.
type metadata struct {
	Issuer        string   `json:"issuer"`
	Token         string   `json:"token_endpoint"`
	JWKS          string   `json:"jwks_uri"`
	Introspection string   `json:"introspection_endpoint"`
	Revocation    string   `json:"revocation_endpoint"`
	Userinfo      string   `json:"userinfo_endpoint"`
	ResponseTypes []string `json:"response_types_supported"` // required; there is no authorization endpoint, so none
	GrantTypes    []string `json:"grant_types_supported"`
	Scopes        []string `json:"scopes_supported,omitempty"` // that a client may ask for

	TokenMethods            []ClientMethod `json:"token_endpoint_auth_methods_supported"`
	TokenAlgorithms         []string       `json:"token_endpoint_auth_signing_alg_values_supported"`
	IntrospectionMethods    []ClientMethod `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectionAlgorithms []string       `json:"introspection_endpoint_auth_signing_alg_values_supported"`
	RevocationMethods       []ClientMethod `json:"revocation_endpoint_auth_methods_supported"`
	RevocationAlgorithms    []string       `json:"revocation_endpoint_auth_signing_alg_values_supported"`

	IntrospectionAnswers []string `json:"introspection_signing_alg_values_supported,omitempty"` // RFC 9701 section 7

	// OpenID Connect wants these two. There are no ID tokens; libraries take
	// the algorithms for those of access tokens, which they are.
	SubjectTypes []string `json:"subject_types_supported"`
	Algorithms   []string `json:"id_token_signing_alg_values_supported,omitempty"`
}

func (p *Provider) metadata() metadata {
	confidential := []ClientMethod{ClientSecretBasic, ClientSecretPost, ClientPrivateKeyJWT}
	all := append(slices.Clone(confidential), ClientNone)
	return metadata{
		Issuer:        p.Issuer,
		Token:         p.endpoint("token"),
		JWKS:          p.Issuer + "/.well-known/jwks.json",
		Introspection: p.endpoint("introspect"),
		Revocation:    p.endpoint("revoke"),
		Userinfo:      p.Issuer + "/userinfo",
		ResponseTypes: []string{},
		GrantTypes:    p.grants,

		TokenMethods:            all,
		TokenAlgorithms:         AssertionAlgorithms,
		IntrospectionMethods:    confidential,
		IntrospectionAlgorithms: AssertionAlgorithms,
		RevocationMethods:       all,
		RevocationAlgorithms:    AssertionAlgorithms,

		IntrospectionAnswers: p.Algorithms[:min(1, len(p.Algorithms))],
		SubjectTypes:         []string{"public"},
		Algorithms:           p.Algorithms,
	}
}

// The bounds of asking for the scopes of the metadata.
const (
	metadataFresh    = time.Minute // until they are asked for again
	metadataPatience = time.Second
)

// metadataPage serves the issuer's metadata. Clients, and so scopes, change while
// it is served.
type metadataPage struct {
	p     *Provider
	mu    sync.Mutex
	text  []byte
	asked time.Time // for the scopes
}

// current returns the text. While storage cannot be asked the scopes stay as they were.
func (m *metadataPage) current(ctx context.Context) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.text != nil && time.Since(m.asked) < metadataFresh {
		return m.text
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), metadataPatience) // all wait for the text, who hangs up or not
	defer cancel()
	described := m.p.metadata()
	var unknown error
	described.Scopes, unknown = m.p.Clients.Scopes(ctx, m.p.Name)
	m.asked = time.Now()
	if unknown != nil && m.text != nil {
		return m.text
	}
	text, err := json.Marshal(described)
	if err != nil {
		panic(err) // strings and lists of strings always encode
	}
	m.text = text
	return text
}

// ServeHTTP implements http.Handler.
func (m *metadataPage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "use GET", http.StatusMethodNotAllowed)
		return
	}
	text := m.current(r.Context())
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	h.Set("Cache-Control", "public, max-age=300")
	h.Set("Access-Control-Allow-Origin", "*")
	if r.Method == http.MethodGet {
		w.Write(text)
	}
}
