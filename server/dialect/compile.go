package dialect

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/claimsmith/claimsmith/internal/strictyaml"
	"github.com/claimsmith/claimsmith/server/shape"
)

// compiler makes a Dialect of a file and finds what is wrong beyond single keys.
// What is missing was reported before.
type compiler struct {
	*file
	doc   *strictyaml.Document
	text  string
	names map[Outcome]bool // those of refuse rules
}

func (c *compiler) compile() *Dialect {
	d := &Dialect{
		Name: c.Dialect, Title: cmp.Or(c.Title, c.Dialect), Path: c.Path, Host: c.Host,
		Algorithm: c.Token.Algorithm, Lifetime: c.Token.Lifetime.Std(), Options: c.Options,
		typ: "JWT", times: timeForm(c.Token.Times), backdate: c.Token.Backdate.Std(),
		zip: c.Token.Zip != "", id: idForm(c.Token.ID),
	}
	if c.Token.Type != nil {
		d.typ = *c.Token.Type
	}
	c.checkOptions()
	c.checkUsed()
	c.names = map[Outcome]bool{}
	for _, r := range c.Routes {
		for _, rule := range r.Refuse {
			c.names[Outcome(rule.Outcome)] = true
		}
	}
	d.claims = compileShape(c, c.Token.Claims, issuingEnv(), shape.Mapping())
	d.read = compileShape(c, c.Token.Read, readingEnv(), shape.Mapping())
	c.checkRead(d.read)
	common := c.failures("answers", c.Answers)
	c.checkNeeded(common)
	for i := range c.Routes {
		d.routes = append(d.routes, c.route(i, common))
	}
	c.checkRoutes(d.routes)
	d.fallback = &route{name: "none", failures: common}
	return d
}

func (c *compiler) checkNeeded(common map[Outcome]*answer[failing]) {
	var missing []string
	for _, o := range needed {
		_, own := common[o]
		if _, all := common[Failure]; !own && !all {
			missing = append(missing, string(o))
		}
	}
	if c.Answers != nil && len(missing) > 0 {
		c.doc.Fault("answers", "no answer for "+strings.Join(missing, ", "), "write it, or failure for all outcomes that have none")
	}
}

// compileShape compiles a shape and reports its faults; nil where it has any or
// there is none.
func compileShape[V any](c *compiler, n ast.Node, env *shape.Env[V], options ...shape.Option) *shape.Shape[V] {
	if n == nil {
		return nil
	}
	s, err := shape.Compile(n, env, options...)
	if faults, ok := errors.AsType[shape.Faults](err); ok {
		for _, f := range faults {
			if strings.HasPrefix(f.Message, "request.") && strings.HasSuffix(f.Message, ": no such field") && !strings.HasPrefix(f.Hint, "did you mean") {
				f.Hint += "; a field of the dialect's own is request.values.NAME"
			}
			c.doc.FaultAt(f.Line, f.Column, f.Message, f.Hint)
		}
	}
	return s
}

// readMembers are what token.read may give.
var readMembers = []string{"id", "session", "subject", "username", "organisation", "unit"}

func (c *compiler) checkRead(s *shape.Shape[reading]) {
	if s == nil {
		return
	}
	reads := map[string]bool{}
	for _, m := range s.Members() {
		if !slices.Contains(readMembers, m.Name) {
			c.doc.FaultAt(m.Line, m.Column, fmt.Sprintf("unknown member %q", m.Name), "known here are "+strings.Join(readMembers, ", "))
		}
		reads[m.Name] = true
	}
	if !reads["subject"] && !reads["username"] {
		c.doc.Fault("token.read", "neither subject nor username is read", "say which claim tells who a token stands for")
	}
	c.checkSufficient(reads)
}

// checkSufficient holds routes to what tokens tell: two people may share a user
// name, and a token that tells no session would outlive it once it is refreshed.
func (c *compiler) checkSufficient(reads map[string]bool) {
	for i, r := range c.Routes {
		path := fmt.Sprintf("routes[%d]", i)
		switch k := kind(r.Kind); {
		case (k == sessionKind || k == startRefreshKind) && !reads["subject"]:
			c.doc.Fault(path+".kind", "asks the plugin who a token stands for, and token.read has no subject: two people may share a user name",
				"let a claim be ${identity.subject}, and read it")
		case (r.RefreshToken || k == startRefreshKind || k == refreshKind) && !reads["id"] && !reads["session"]:
			c.doc.Fault(path, "has to do with refresh tokens, and token.read has neither session nor id: a refreshed token would outlive its session",
				"let a claim be ${session.id}, and read it as session")
		}
	}
}
