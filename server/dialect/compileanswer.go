package dialect

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/claimsmith/claimsmith/server/shape"
)

func (c *compiler) failures(path string, all map[string]answerFile) map[Outcome]*answer[failing] {
	compiled := map[Outcome]*answer[failing]{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		o := Outcome(name)
		if o == Success && path != "answers" {
			continue
		}
		if !slices.Contains(outcomes, o) && !c.names[o] {
			c.doc.Fault(path+"."+name, fmt.Sprintf("no outcome is called %q", name), "there are "+list(outcomes)+", and those of refuse rules")
		}
		compiled[o] = compileAnswer(c, path+"."+name, all[name], failingEnv())
	}
	return compiled
}

func list(all []Outcome) string {
	var names []string
	for _, o := range all {
		names = append(names, string(o))
	}
	return strings.Join(names, ", ")
}

func compileAnswer[V any](c *compiler, path string, f answerFile, env *shape.Env[V]) *answer[V] {
	a := &answer[V]{
		status: compileShape(c, f.Status, env),
		body:   compileShape(c, f.Body, env),
		text:   compileShape(c, f.Text, env),
	}
	if f.Body != nil && f.Text != nil {
		c.doc.Fault(path, "both body and text", "leave one of the two out")
	}
	for _, name := range slices.Sorted(maps.Keys(f.Headers)) {
		value := compileShape(c, f.Headers[name], env)
		a.headers = append(a.headers, header[V]{http.CanonicalHeaderKey(name), value})
	}
	return a
}
