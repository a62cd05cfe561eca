package oauth

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// crossOrigin answers preflight requests (Fetch, section 3.2) for an endpoint.
// They name no client, so every origin may ask; which one may read the
// answer is decided by allowOrigin when the client is known.
func crossOrigin(methods string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Add("Vary", "Origin")
		origin := r.Header.Get("Origin")
		if r.Method != http.MethodOptions || origin == "" || r.Header.Get("Access-Control-Request-Method") == "" {
			next.ServeHTTP(w, r)
			return
		}
		noStore(h)
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Methods", methods)
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
		h.Set("Access-Control-Max-Age", "600")
		w.WriteHeader(http.StatusNoContent)
	})
}

// allowOrigin lets the script that makes a request read the answer, where the
// client allows its origin. Cookies are never involved.
func (p *Provider) allowOrigin(w http.ResponseWriter, r *http.Request, clientID string) {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return
	}
	client, err := p.Clients.Client(r.Context(), p.Name, clientID)
	if err != nil || !slices.Contains(client.Origins, origin) && !slices.Contains(client.Origins, "*") {
		return
	}
	w.Header().Set("Access-Control-Allow-Origin", origin)
	w.Header().Set("Access-Control-Expose-Headers", "WWW-Authenticate, Retry-After, X-Request-Id")
}

// CheckOrigin reports whether a text is an origin as browsers write it:
// SCHEME://HOST or SCHEME://HOST:PORT in lower case, or "*" for all.
func CheckOrigin(text string) error {
	if text == "*" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.Host == "" || text != strings.ToLower(u.Scheme+"://"+u.Host) {
		return errors.New("not an origin: want https://HOST or https://HOST:PORT in lower case, without a slash at its end")
	}
	return nil
}
