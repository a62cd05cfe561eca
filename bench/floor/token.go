package floor

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"strconv"
)

// token is the token endpoint for client credentials: it parses the form,
// compares the secret, signs one token and writes the JSON.
type token struct {
	Config
	signer *signer
	secret [sha256.Size]byte
	prove  func(r *http.Request) (subject string, ok bool) // nil: the client itself
}

func newToken(c Config) (http.Handler, error) {
	return &token{Config: c, signer: newSigner(), secret: sha256.Sum256([]byte(c.Secret))}, nil
}

func (t *token) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "form", http.StatusBadRequest)
		return
	}
	if !t.client(r) {
		http.Error(w, "client", http.StatusUnauthorized)
		return
	}
	subject, ok := t.Client, true
	if t.prove != nil {
		subject, ok = t.prove(r)
	}
	if !ok {
		http.Error(w, "grant", http.StatusBadRequest)
		return
	}
	access, err := t.signer.sign(t.Config, subject, rand.Text())
	writeToken(w, access, "", err)
}

// client compares the client's secret.
func (t *token) client(r *http.Request) bool {
	id, secret, ok := r.BasicAuth()
	sum := sha256.Sum256([]byte(secret))
	return ok && id == t.Client && subtle.ConstantTimeCompare(sum[:], t.secret[:]) == 1
}

type answer struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"`
	RefreshToken string `json:"refresh_token,omitempty"`
	Scope        string `json:"scope"`
}

func writeToken(w http.ResponseWriter, access, refresh string, err error) {
	text, err2 := json.Marshal(answer{access, "Bearer", int64(lifetime.Seconds()), refresh, scope})
	if err != nil || err2 != nil {
		http.Error(w, "token", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.Write(text)
}
