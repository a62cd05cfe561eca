package server

import (
	"net/http"
	"time"

	"github.com/claimsmith/claimsmith/server/audit"
)

// Publisher has pages that tell everybody the same: who reads them proves
// nothing and changes nothing. What is mounted at their paths serves all other
// methods than GET and HEAD.
type Publisher interface {
	Publish(page func(path, issuer, route string, h http.Handler))
}

// page is a published page. Its requests carry no event and no deadline.
type page struct {
	http.Handler
	issuer, route string
}

// pageOf returns the page that a request asks for, or nil.
func (m *mounted) pageOf(r *http.Request) *page {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || r.URL.RawPath != "" {
		return nil
	}
	return m.pages[r.URL.Path]
}

// publish serves a page, and makes an event of it as observe does.
func (s *Server) publish(site *mounted, p *page, w http.ResponseWriter, r *http.Request) {
	event := audit.Event{Time: time.Now(), RequestID: newRequestID(), Issuer: p.issuer, Route: p.route}
	out := &answer{ResponseWriter: w}
	_, span := s.startSpan(r.Context(), r, &event)
	out.identify(event.RequestID)
	s.metrics.inFlight.Inc()
	defer func() {
		s.rescue(r.Context(), &event, out, recover())
		s.finish(site, r, &event, out, span)
	}()
	p.ServeHTTP(out, r)
}
