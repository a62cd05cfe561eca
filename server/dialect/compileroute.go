package dialect

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/claimsmith/claimsmith/internal/nearest"
)

func (c *compiler) route(i int, common map[Outcome]*answer[failing]) *route {
	f := &c.Routes[i]
	path := fmt.Sprintf("routes[%d]", i)
	r := &route{
		name: f.Name, kind: kind(f.Kind), method: f.Method, segments: segmentsOf(f.Path),
		contentTypes: f.ContentTypes, closed: f.Closed, grant: cmp.Or(f.Grant, passwordField), starts: f.RefreshToken,
	}
	for _, a := range f.Accepts {
		r.accepts = append(r.accepts, encoding(a))
	}
	if len(r.accepts) == 0 {
		r.accepts = []encoding{jsonBody}
	}
	if len(r.contentTypes) == 0 {
		r.contentTypes = []string{"application/json"}
	}
	c.fields(r, f.Fields, path)
	for k, rf := range f.Refuse {
		r.refuse = append(r.refuse, rule{compileShape(c, rf.When, issuingEnv()), Outcome(rf.Outcome)})
		if r.kind != loginKind && r.kind != refreshKind {
			c.doc.Fault(fmt.Sprintf("%s.refuse[%d]", path, k), "this kind of route proves nothing that could be refused", "")
		}
	}
	r.failures = maps.Clone(common)
	maps.Copy(r.failures, c.failures(path+".answers", f.Answers))
	if a, ok := f.Answers[string(Success)]; ok {
		r.success = compileAnswer(c, path+".answers.success", a, answeringEnv())
	} else if f.Answers != nil {
		c.doc.Fault(path+".answers", "no answer for success", "")
	}
	return r
}

// wanted are the fields that a kind of route cannot do without.
var wanted = map[kind][]string{
	sessionKind: {tokenField}, inspectKind: {tokenField}, logoutKind: {tokenField}, startRefreshKind: {tokenField},
	refreshKind: {refreshField}, endRefreshKind: {refreshField},
}

func (c *compiler) fields(r *route, all map[string]fieldFile, path string) {
	need := wanted[r.kind]
	if r.kind == loginKind {
		need = []string{usernameField, passwordField}
		if r.grant == apiKeyField {
			need = []string{apiKeyField}
		}
	}
	for _, name := range need {
		f, ok := all[name]
		switch {
		case !ok:
			c.doc.Fault(path, fmt.Sprintf("a %s route needs the field %s", r.kind, name), "")
		case r.kind == loginKind && !f.Required:
			c.doc.Fault(path+".fields."+name, "a login needs this field", "add required: true")
		}
	}
	r.names = map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if near := nearest.Name(name, slices.Sorted(maps.Keys(known))); !known[name] && near != "" {
			c.doc.FaultOfKey(path+`.fields["`+name+`"]`, fmt.Sprintf("a field called %q is taken for a misspelt %s, and would mean nothing", name, near), "did you mean "+near+"? Otherwise choose a name that is less like it")
		}
		r.fields = append(r.fields, c.field(r, name, all[name], path+".fields."+name))
	}
}

func (c *compiler) field(r *route, name string, f fieldFile, path string) field {
	out := field{name: name, required: f.Required, byDefault: f.Default}
	for i, text := range f.From {
		s, err := parseSource(text)
		at := fmt.Sprintf("%s.from[%d]", path, i)
		if err != nil {
			c.doc.Fault(at, fmt.Sprintf("%q is %v", text, err), sourceHint)
			continue
		}
		switch s.place {
		case inJSON:
			r.reads, r.names[s.name] = true, true
			c.checkAccepted(r, at, text, jsonBody)
		case inForm:
			r.reads = true
			c.checkAccepted(r, at, text, formBody, multipartBody)
		case inQuery:
			r.asks = true
		case inPath:
			if !slices.Contains(r.segments, "{"+s.name+"}") {
				c.doc.Fault(at, fmt.Sprintf("the route's path has no {%s}", s.name), "")
			}
		}
		out.from = append(out.from, s)
	}
	if f.Required && f.Default != "" {
		c.doc.Fault(path, "required, and with a default", "leave one of the two out")
	}
	return out
}

// checkAccepted refuses a place in a body that the route does not take.
func (c *compiler) checkAccepted(r *route, at, text string, bodies ...encoding) {
	if slices.ContainsFunc(bodies, func(b encoding) bool { return slices.Contains(r.accepts, b) }) {
		return
	}
	c.doc.Fault(at, fmt.Sprintf("%q is never there: the route accepts no %s", text, bodies[0]), fmt.Sprintf("add %s to the route's accepts; without accepts it is json alone", bodies[0]))
}

// checkRoutes refuses routes that cannot be told apart.
func (c *compiler) checkRoutes(routes []*route) {
	for i, r := range routes {
		for _, before := range routes[:i] {
			at := fmt.Sprintf("routes[%d]", i)
			if r.name == before.name {
				c.doc.Fault(at+".name", "another route has this name", "")
			}
			if r.method == before.method && slices.Equal(r.segments, before.segments) {
				c.doc.Fault(at, fmt.Sprintf("route %s has the same method and path", before.name), "")
			}
		}
	}
}
