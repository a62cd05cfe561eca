package oauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/claimsmith/claimsmith/server/audit"
	"github.com/claimsmith/claimsmith/storage"
)

const introspectionMedia = "application/token-introspection+jwt" // RFC 9701 section 5

// serveIntrospect is the introspection endpoint (RFC 7662). A token that does
// not concern the client is to it as one that does not exist.
func (p *Provider) serveIntrospect(w http.ResponseWriter, r *http.Request) {
	event := audit.FromContext(r.Context())
	client, answer, err := p.introspect(w, r)
	if err != nil {
		p.writeError(w, event, asError(err))
		return
	}
	w.Header().Add("Vary", "Accept")
	if !accepts(r.Header, introspectionMedia) {
		writeBody(w, http.StatusOK, jsonMedia, answer)
		return
	}
	token, err := p.signIntrospection(r, client, answer)
	if err != nil {
		p.writeError(w, event, asError(err))
		return
	}
	writeBody(w, http.StatusOK, introspectionMedia, []byte(token))
}

func (p *Provider) introspect(w http.ResponseWriter, r *http.Request) (*storage.Client, json.RawMessage, error) {
	client, form, err := p.receive(w, r)
	if err != nil {
		return nil, nil, err
	}
	if client.Public() {
		return nil, nil, invalidClient(errors.New("a public client asks for introspection"))
	}
	text, err := tokenOf(form)
	if err != nil {
		return nil, nil, err
	}
	inactive := json.RawMessage(`{"active":false}`)
	event := audit.FromContext(r.Context())
	t, err := p.findLive(r.Context(), text)
	switch {
	case errors.Is(err, ErrUnknownToken):
		event.Reason = err.Error()
		return client, inactive, nil
	case err != nil:
		return nil, nil, err
	}
	event.Subject, event.Session, event.TokenID = t.Subject, t.Session, t.ID
	if !client.IntrospectAny && !t.concerns(client) {
		event.Reason = "the token does not concern the client"
		return client, inactive, nil
	}
	if t.answer == nil {
		t.answer, err = t.introspection()
	}
	return client, t.answer, err
}

// introspection is the answer for a live token (RFC 7662 section 2.2): its
// claims, of which none can pass for the server's own word.
func (t *FoundToken) introspection() (json.RawMessage, error) {
	answer := maps.Clone(t.Claims)
	answer["active"] = json.RawMessage("true")
	delete(answer, "token_type")
	if t.Kind == KindAccessToken {
		answer["token_type"] = json.RawMessage(`"Bearer"`)
	}
	text, err := json.Marshal(answer)
	if err != nil {
		return nil, internal(fmt.Errorf("encode introspection: %w", err))
	}
	return text, nil
}

// signIntrospection makes the answer a JWT for the client that asked (RFC 9701
// section 5).
func (p *Provider) signIntrospection(r *http.Request, client *storage.Client, answer json.RawMessage) (string, error) {
	claims, err := json.Marshal(struct {
		Issuer   string          `json:"iss"`
		Audience string          `json:"aud"`
		Issued   int64           `json:"iat"`
		Answer   json.RawMessage `json:"token_introspection"`
	}{p.Issuer, client.ID, time.Now().Unix(), answer})
	if err != nil {
		return "", fmt.Errorf("encode introspection: %w", err)
	}
	return p.Signer.Sign(r.Context(), "", "token-introspection+jwt", claims)
}

// accepts reports whether a caller asks for a media type by name.
func accepts(h http.Header, media string) bool {
	for _, list := range h.Values("Accept") {
		for _, item := range strings.Split(list, ",") {
			name, parameters, err := mime.ParseMediaType(item)
			q, weighted := parameters["q"]
			if err == nil && name == media && (!weighted || strings.Trim(q, "0.") != "") {
				return true
			}
		}
	}
	return false
}
