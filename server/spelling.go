package server

import (
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/claimsmith/claimsmith/server/dialect"
)

// endpoint returns what answers a request. ServeMux would redirect a path with
// "//", "/./" or "/../" in it with 307, which sends credentials on (RFC 9700
// section 4.12), and in HTML, which a dialect's client does not read: the dialect
// that the path leads to answers, or nothing is there.
func (m *mounted) endpoint(r *http.Request) http.Handler {
	if unclean(r.URL.Path) {
		if e := m.dialect(r); e != nil {
			return e
		}
	}
	if unclean(r.URL.EscapedPath()) {
		return http.NotFoundHandler()
	}
	return m.mux
}

func unclean(text string) bool {
	clean := path.Clean(text)
	return clean != text && (clean == "/" || clean+"/" != text)
}

// dialect returns the dialect that a request is spelt in; nil for none.
func (m *mounted) dialect(r *http.Request) *dialect.Endpoint {
	meant := *r
	meant.Host = strings.ToLower(r.Host)
	meant.URL = &url.URL{Path: path.Clean("/" + r.URL.Path)}
	h, _ := m.mux.Handler(&meant)
	e, _ := h.(*dialect.Endpoint)
	return e
}

// refuse puts in place of whatever was answered that the server cannot answer,
// in the caller's spelling.
func (m *mounted) refuse(out *answer, r *http.Request, cause error) {
	out.reset()
	if e := m.dialect(r); e != nil {
		e.Unavailable(out, r, cause)
		return
	}
	out.unavailable()
}
