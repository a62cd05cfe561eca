package oauth

import (
	"net/http"
	"net/url"

	"github.com/claimsmith/claimsmith/server/audit"
	"github.com/claimsmith/claimsmith/storage"
)

// endpoint returns the URL of one of the OAuth endpoints.
func (p *Provider) endpoint(name string) string { return p.Issuer + "/oauth2/" + name }

// receive reads the form that a client posts, and authenticates the client as
// the token endpoint does. A browser's script may read the answer if the client
// allows its origin.
func (p *Provider) receive(w http.ResponseWriter, r *http.Request) (*storage.Client, url.Values, error) {
	form, refusal := parseForm(w, r)
	if refusal != nil {
		return nil, nil, refusal
	}
	credential, refusal := parseClient(r.Header, form)
	if refusal != nil {
		return nil, nil, refusal
	}
	p.allowOrigin(w, r, credential.ID)
	client, err := p.authenticateClient(r.Context(), credential)
	if err != nil {
		return nil, nil, err
	}
	audit.FromContext(r.Context()).Client = client.ID
	return client, form, nil
}

// tokenOf returns the token that a form is about. Its token_type_hint, right or
// wrong, changes nothing: what a token is can be seen from the token.
func tokenOf(form url.Values) (string, error) {
	switch token := form.Get("token"); {
	case token == "":
		return "", invalidRequest("token is missing")
	case len(token) > maxSecret:
		return "", invalidRequest("token is too long")
	default:
		return token, nil
	}
}
