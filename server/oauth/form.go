package oauth

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// The bounds of a form post.
const (
	maxBody       = 64 << 10 // bytes
	maxParameters = 64
	maxUsername   = 1 << 10  // bytes
	maxSecret     = 16 << 10 // bytes of a password, API key or refresh token
	maxList       = 64       // scopes, resources
)

// repeatable are the parameters that may come more than once (RFC 8707
// section 2, RFC 8693 section 2.1).
var repeatable = []string{"resource", "audience"}

// parseForm reads the form post of w and r: strictly one media type, nothing in
// the query, no parameter twice, UTF-8 without NUL. Nothing that answers a form
// may be cached.
func parseForm(w http.ResponseWriter, r *http.Request) (url.Values, *Error) {
	noStore(w.Header())
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		e := invalidRequest("use POST")
		e.Status = http.StatusMethodNotAllowed
		return nil, e
	}
	if r.URL.RawQuery != "" {
		return nil, invalidRequest("parameters belong in the body, not in the query")
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		return nil, invalidRequest("the content type must be application/x-www-form-urlencoded")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			e := invalidRequest("the body is larger than 64 KiB")
			e.Status = http.StatusRequestEntityTooLarge
			return nil, e
		}
		return nil, invalidRequest("the body is not a well-formed form")
	}
	return r.PostForm, checkForm(r.PostForm)
}

func checkForm(form url.Values) *Error {
	if len(form) > maxParameters {
		return invalidRequest("too many parameters")
	}
	for name, values := range form {
		if len(values) > 1 && !slices.Contains(repeatable, name) {
			return invalidRequest("a parameter is given more than once")
		}
		if len(values) > maxList {
			return invalidRequest("a parameter is given too often")
		}
		for _, v := range values {
			if !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
				return invalidRequest("a parameter is not UTF-8 text")
			}
		}
	}
	return nil
}

// parseRequest reads a token request from its form and its Authorization
// header. A parameter without a value counts as absent (RFC 6749 section 3.1).
func (p *Provider) parseRequest(header http.Header, form url.Values) (Request, *Error) {
	client, err := parseClient(header, form)
	if err != nil {
		return Request{}, err
	}
	q := Request{Client: client, Grant: form.Get("grant_type")}
	if q.Grant != "" && !slices.Contains(p.grants, q.Grant) {
		return q, unsupportedGrant()
	}
	if err := q.parseTarget(form); err != nil {
		return q, err
	}
	return q, q.parseProof(form)
}

// parseTarget reads what the token is asked for.
func (q *Request) parseTarget(form url.Values) *Error {
	if scope := form.Get("scope"); scope != "" {
		q.Scopes = slices.DeleteFunc(strings.Split(scope, " "), func(s string) bool { return s == "" })
		if len(q.Scopes) == 0 {
			return invalidScope("the scope is malformed") // RFC 6749 section 3.3
		}
	}
	for _, v := range form["resource"] {
		if v != "" && !isResource(v) {
			return invalidTarget()
		}
	}
	for _, name := range repeatable {
		q.Audience = append(q.Audience, slices.DeleteFunc(slices.Clone(form[name]), func(v string) bool { return v == "" })...)
	}
	if len(q.Scopes) > maxList || len(q.Audience) > maxList {
		return invalidRequest("too many scopes or resources")
	}
	return nil
}

// isResource reports whether a text is an absolute URI without a fragment (RFC
// 8707 section 2).
func isResource(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.IsAbs() && !strings.Contains(text, "#")
}

// parseProof reads what the grant type takes as proof.
func (q *Request) parseProof(form url.Values) *Error {
	var name string
	switch q.Grant {
	case "":
		return invalidRequest("grant_type is missing")
	case GrantPassword:
		name = "password"
		q.Credential = sdk.Credential{Kind: sdk.Password, Username: form.Get("username"), Secret: sdk.Secret(form.Get(name))}
		if q.Credential.Username == "" {
			return invalidRequest("username is missing")
		}
		if len(q.Credential.Username) > maxUsername {
			return invalidRequest("username is too long")
		}
	case GrantAPIKey:
		name = "api_key"
		q.Credential = sdk.Credential{Kind: sdk.APIKey, Secret: sdk.Secret(form.Get(name))}
	case GrantRefreshToken:
		name = "refresh_token"
		q.RefreshToken = sdk.Secret(form.Get(name))
	case GrantJWTBearer:
		name = "assertion"
		q.Assertion = sdk.Secret(form.Get(name))
	case GrantTokenExchange:
		return q.parseExchange(form)
	default:
		return nil
	}
	q.parseAttributes(form)
	switch secret := form.Get(name); {
	case secret == "":
		return invalidRequest(name + " is missing")
	case len(secret) > maxSecret:
		return invalidRequest(name + " is too long")
	}
	return nil
}

// parseAttributes reads what narrows who is meant.
func (q *Request) parseAttributes(form url.Values) {
	for _, name := range []string{"organisation", "unit", "device"} {
		if v := form.Get(name); v != "" {
			if q.Attributes == nil {
				q.Attributes = map[string]string{}
			}
			q.Attributes[name] = v
		}
	}
}
