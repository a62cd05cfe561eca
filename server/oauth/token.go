package oauth

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/claimsmith/claimsmith/server/audit"
)

// serveToken is the token endpoint (RFC 6749 section 3.2).
func (p *Provider) serveToken(w http.ResponseWriter, r *http.Request) {
	event := audit.FromContext(r.Context())
	form, refusal := parseForm(w, r)
	if refusal != nil {
		p.writeError(w, event, refusal)
		return
	}
	request, refusal := p.parseRequest(r.Header, form)
	if refusal != nil {
		p.writeError(w, event, refusal)
		return
	}
	p.allowOrigin(w, r, request.Client.ID)
	request.Remote = event.Remote
	token, err := p.Exchange(r.Context(), request)
	if err != nil {
		p.writeError(w, event, asError(err))
		return
	}
	answer := tokenResponse{
		AccessToken:  token.Access,
		TokenType:    "Bearer",
		ExpiresIn:    int64(token.Expires.Sub(token.Issued) / time.Second),
		RefreshToken: token.Refresh,
		Scope:        strings.Join(token.Scopes, " "),
		IssuedType:   token.Type,
	}
	writeBody(w, http.StatusOK, jsonMedia, answer.appendJSON(make([]byte, 0, len(token.Access)+256)))
}

// tokenResponse is the answer of RFC 6749 section 5.1.
type tokenResponse struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"` // seconds
	RefreshToken string `json:"refresh_token,omitempty"`
	Scope        string `json:"scope,omitempty"`
	IssuedType   string `json:"issued_token_type,omitempty"` // RFC 8693 section 2.2.1
}

// errorResponse is the answer of RFC 6749 section 5.2.
type errorResponse struct {
	Error       string `json:"error"`
	Description string `json:"error_description,omitempty"`
}

func (p *Provider) writeError(w http.ResponseWriter, event *audit.Event, e *Error) {
	if e.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="`+p.Issuer+`", charset="UTF-8"`)
	}
	p.writeRefusal(w, event, e)
}

// writeRefusal writes a refusal whose challenge, if any, is written.
func (p *Provider) writeRefusal(w http.ResponseWriter, event *audit.Event, e *Error) {
	event.Outcome, event.Reason, event.Err = e.Outcome, string(e.Reason), e.cause()
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
	writeJSON(w, event, e.Status, errorResponse{Error: e.Code, Description: e.Description})
}

// noStore keeps an answer out of every cache (RFC 6749 section 5.1).
func noStore(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
}

const jsonMedia = "application/json;charset=UTF-8"

func writeJSON(w http.ResponseWriter, event *audit.Event, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		event.Outcome, event.Err = audit.Internal, err
		status, text = http.StatusInternalServerError, []byte(`{"error":"server_error"}`)
	}
	writeBody(w, status, jsonMedia, text)
}

func writeBody(w http.ResponseWriter, status int, media string, text []byte) {
	w.Header().Set("Content-Type", media)
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	w.Write(text)
}
