package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server/audit"
	"github.com/claimsmith/claimsmith/storage"
)

// serveUserinfo tells whoever bears an access token about its subject (OpenID
// Connect Core section 5.3). It takes the token in the Authorization header
// alone (RFC 6750 section 2.1).
func (p *Provider) serveUserinfo(w http.ResponseWriter, r *http.Request) {
	event := audit.FromContext(r.Context())
	noStore(w.Header())
	text, refusal := parseBearer(w, r)
	if refusal != nil {
		p.writeBearerError(w, event, refusal)
		return
	}
	claims, err := p.userinfo(w, r, text)
	if err != nil {
		p.writeBearerError(w, event, asError(err))
		return
	}
	writeJSON(w, event, http.StatusOK, claims)
}

// parseBearer reads the access token of a request. A refusal without a code is
// for a request that offers none (RFC 6750 section 3.1).
func parseBearer(w http.ResponseWriter, r *http.Request) (string, *Error) {
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		w.Header().Set("Allow", "GET, POST")
		e := invalidRequest("use GET or POST")
		e.Status = http.StatusMethodNotAllowed
		return "", e
	}
	if r.URL.Query().Has("access_token") {
		return "", invalidRequest("an access token belongs in the Authorization header, not in the query")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if r.Method == http.MethodPost && (r.ParseForm() != nil || r.PostForm.Has("access_token")) {
		return "", invalidRequest("an access token belongs in the Authorization header, not in the body")
	}
	authorization := r.Header["Authorization"]
	if len(authorization) == 0 {
		return "", refuse(http.StatusUnauthorized, "", audit.Malformed, "")
	}
	scheme, token, _ := strings.Cut(authorization[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", refuse(http.StatusUnauthorized, "", audit.Malformed, "")
	}
	if token = strings.Trim(token, " "); len(authorization) > 1 || !isToken68(token) {
		return "", invalidRequest("the Authorization header is malformed")
	}
	return token, nil
}

// isToken68 reports whether a text has the syntax of a bearer token (RFC 6750
// section 2.1).
func isToken68(text string) bool {
	text = strings.TrimRight(text, "=")
	return text != "" && !strings.ContainsFunc(text, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-._~+/", c)
	})
}

func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request, text string) (map[string]json.RawMessage, error) {
	t, err := p.findLive(r.Context(), text)
	if err == nil && t.Kind != KindAccessToken {
		err = ErrUnknownToken
	}
	if errors.Is(err, ErrUnknownToken) {
		e := refuse(http.StatusUnauthorized, "invalid_token", audit.Denied, "the access token is not valid")
		e.Err = err
		return nil, e
	}
	if err != nil {
		return nil, err
	}
	event := audit.FromContext(r.Context())
	event.Client, event.Subject, event.Session, event.TokenID = t.Client, t.Subject, t.Session, t.ID
	p.allowOrigin(w, r, t.Client)
	claims := maps.Clone(t.Claims)
	maps.DeleteFunc(claims, func(name string, _ json.RawMessage) bool {
		return name != "sub" && slices.Contains(reservedClaims, name)
	})
	return claims, p.addIdentity(r.Context(), t, claims)
}

// addIdentity adds what the token's session knows of the subject, where there
// is one: it is newer than the token. A token that was traded for another
// client's knows what it says itself.
func (p *Provider) addIdentity(ctx context.Context, t FoundToken, claims map[string]json.RawMessage) error {
	if t.Claims["act"] != nil {
		return nil
	}
	s, err := p.Sessions.Session(ctx, p.Name, t.Session)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fromStorage(err)
	}
	var id sdk.Identity
	if err := json.Unmarshal(s.Identity, &id); err != nil {
		return internal(fmt.Errorf("decode identity of session %s: %w", s.ID, err))
	}
	if s.ClientID != t.Client || id.Subject != t.Subject {
		return nil
	}
	known, err := members(struct {
		Name     string   `json:"name,omitempty"`
		Username string   `json:"preferred_username,omitempty"`
		Email    string   `json:"email,omitempty"`
		Groups   []string `json:"groups,omitempty"`
		Roles    []string `json:"roles,omitempty"`
	}{id.Name, id.Username, id.Email, id.Groups, id.Roles})
	maps.Copy(claims, known)
	return err
}

// writeBearerError writes a refusal as RFC 6750 section 3 wants it.
func (p *Provider) writeBearerError(w http.ResponseWriter, event *audit.Event, e *Error) {
	challenge := fmt.Sprintf("Bearer realm=%q", p.Issuer)
	if e.Code != "" {
		challenge += fmt.Sprintf(", error=%q, error_description=%q", e.Code, e.Description)
	}
	if e.Status < http.StatusInternalServerError && e.Status != http.StatusMethodNotAllowed {
		w.Header().Set("WWW-Authenticate", challenge)
	}
	if e.Code != "" {
		p.writeRefusal(w, event, e)
		return
	}
	event.Outcome = e.Outcome
	w.WriteHeader(e.Status)
}
