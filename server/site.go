package server

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"
)

// Site is what can be replaced while the server runs.
type Site struct {
	Endpoints []Mounter // each issuer's
	Checks    []Check   // what must work for the server to be ready
	// TrustedProxies are whom X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
}

// mounted is a Site as requests find it.
type mounted struct {
	Site
	mux      *http.ServeMux
	pages    map[string]*page // by path
	inFlight atomic.Int64
}

// mount puts a site's endpoints on a mux. It returns an error where two want
// one path.
func mount(s Site) (m *mounted, err error) {
	defer func() {
		if v := recover(); v != nil { // http.ServeMux says it so
			err = fmt.Errorf("mount endpoints: %v", v)
		}
	}()
	m = &mounted{Site: s, mux: http.NewServeMux(), pages: map[string]*page{}}
	for _, e := range s.Endpoints {
		e.Mount(m.mux)
		if p, ok := e.(Publisher); ok {
			p.Publish(func(path, issuer, route string, h http.Handler) { m.pages[path] = &page{h, issuer, route} })
		}
	}
	return m, nil
}

// Use serves another site from now on. Drained returns once the last request
// to the one before has been answered, or when its context ends, with the error
// of that. After an error the site before is served still.
func (s *Server) Use(site Site) (drained func(context.Context) error, err error) {
	m, err := mount(site)
	if err != nil {
		return nil, err
	}
	return s.site.Swap(m).drained, nil
}

func (m *mounted) drained(ctx context.Context) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for m.inFlight.Load() > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}

// enter holds the site that is served.
func (s *Server) enter() *mounted {
	for {
		m := s.site.Load()
		m.inFlight.Add(1)
		// Use takes the old site away first and counts afterwards: either it
		// sees this request, or this request sees the new site.
		if m == s.site.Load() {
			return m
		}
		m.inFlight.Add(-1)
	}
}

// Handler is everything that callers reach.
func (s *Server) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		site := s.enter()
		defer site.inFlight.Add(-1)
		if p := site.pageOf(r); p != nil {
			s.publish(site, p, w, r)
			return
		}
		s.observe(site, w, r)
	})
}
