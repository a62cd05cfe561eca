package oauth

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// metadata is what the issuer tells of itself (RFC 8414 section 2). One
// document serves OpenID Connect Discovery's path too.
type metadata struct {
	Issuer           string         `json:"issuer"`
	TokenEndpoint    string         `json:"token_endpoint"`
	JWKS             string         `json:"jwks_uri"`
	ResponseTypes    []string       `json:"response_types_supported"` // required; there is no authorization endpoint, so none
	GrantTypes       []string       `json:"grant_types_supported"`
	TokenAuthMethods []ClientMethod `json:"token_endpoint_auth_methods_supported"`
}

// newMetadata returns the handler of the issuer's metadata; its bytes are made once.
func newMetadata(p *Provider) http.Handler {
	text, err := json.Marshal(metadata{
		Issuer:           p.Issuer,
		TokenEndpoint:    p.Issuer + "/oauth2/token",
		JWKS:             p.Issuer + "/.well-known/jwks.json",
		ResponseTypes:    []string{},
		GrantTypes:       Grants,
		TokenAuthMethods: []ClientMethod{ClientSecretBasic, ClientSecretPost, ClientNone},
	})
	if err != nil {
		panic(err) // strings and lists of strings always encode
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "use GET", http.StatusMethodNotAllowed)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Content-Length", strconv.Itoa(len(text)))
		h.Set("Cache-Control", "public, max-age=300")
		h.Set("Access-Control-Allow-Origin", "*")
		if r.Method == http.MethodGet {
			w.Write(text)
		}
	})
}
