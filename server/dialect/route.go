package dialect

import (
	"slices"
	"strings"

	"github.com/claimsmith/claimsmith/server/shape"
)

// kind is what a route does.
type kind string

const (
	loginKind        kind = "login"
	sessionKind      kind = "session"
	inspectKind      kind = "inspect"
	refreshKind      kind = "refresh"
	startRefreshKind kind = "start_refresh"
	endRefreshKind   kind = "end_refresh"
	logoutKind       kind = "logout"
	healthKind       kind = "health"
)

// route is one thing that a client may ask.
type route struct {
	name     string
	kind     kind
	method   string
	segments []string // below the dialect's path

	accepts      []encoding
	contentTypes []string
	closed       bool
	reads        bool            // whether a field stands in the body
	asks         bool            // whether a field stands in the query
	names        map[string]bool // the JSON members that fields are found in
	fields       []field         // by name
	grant        string
	starts       bool // a session with a refresh token
	refuse       []rule

	success  *answer[answering]
	failures map[Outcome]*answer[failing]
}

// rule refuses a login whose proof was right.
type rule struct {
	when    *shape.Shape[issuing]
	outcome Outcome
}

// failure returns the answer for an outcome.
func (r *route) failure(o Outcome) *answer[failing] {
	for o != Failure {
		if a, ok := r.failures[o]; ok {
			return a
		}
		next, ok := insteadOf[o]
		switch {
		case ok:
			o = next
		case slices.Contains(needed, o):
			o = Failure
		default:
			o = Denied
		}
	}
	return r.failures[Failure]
}

// match reports whether the route's path is the one asked for, and the segments
// that it names.
func (r *route) match(asked []string) (map[string]string, bool) {
	if len(asked) != len(r.segments) {
		return nil, false
	}
	var named map[string]string
	for i, s := range r.segments {
		name, ok := parameter(s)
		if !ok {
			if s != asked[i] {
				return nil, false
			}
			continue
		}
		if asked[i] == "" {
			return nil, false
		}
		if named == nil {
			named = map[string]string{}
		}
		named[name] = asked[i]
	}
	return named, true
}

// parameter returns the name within {name}.
func parameter(segment string) (string, bool) {
	name, ok := strings.CutPrefix(segment, "{")
	return strings.TrimSuffix(name, "}"), ok
}

// segmentsOf parts a path below the dialect's; "" and "/" have none.
func segmentsOf(path string) []string {
	path = strings.TrimSuffix(strings.TrimPrefix(path, "/"), "/")
	if path == "" {
		return nil
	}
	return strings.Split(path, "/")
}

// oneSlash returns a path with every run of slashes as one: clients put a base
// URL that ends with a slash before a path that begins with one.
func oneSlash(path string) string {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	return path
}
