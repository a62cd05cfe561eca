package dialect

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/claimsmith/claimsmith/internal/nearest"
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
			c.unknownOutcome(path, name)
			continue
		}
		compiled[o] = compileAnswer(c, path+"."+name, all[name], failingEnv())
	}
	return compiled
}

func (c *compiler) unknownOutcome(path, name string) {
	var names []string
	for _, o := range outcomes {
		names = append(names, string(o))
	}
	hint := "there are " + strings.Join(names, ", ") + ", and those of refuse rules"
	if path != "answers" {
		names = append(names, string(Success))
	}
	if near := nearest.Name(name, names); near != "" {
		hint = "did you mean " + near + "?"
	}
	c.doc.FaultOfKey(path+`["`+name+`"]`, fmt.Sprintf("no outcome is called %q", name), hint)
}

func compileAnswer[V any](c *compiler, path string, f answerFile, env *shape.Env[V]) *answer[V] {
	a := &answer[V]{
		status: compileShape(c, f.Status, env),
		body:   compileShape(c, f.Body, env),
		text:   compileShape(c, f.Text, env),
	}
	c.checkStatus(path, f.Status)
	if f.Body != nil && f.Text != nil {
		c.doc.Fault(path, "both body and text", "leave one of the two out")
	}
	for _, name := range slices.Sorted(maps.Keys(f.Headers)) {
		value := compileShape(c, f.Headers[name], env)
		a.headers = append(a.headers, header[V]{http.CanonicalHeaderKey(name), value})
	}
	return a
}

// checkStatus refuses what could never be a status.
func (c *compiler) checkStatus(path string, n ast.Node) {
	const wanted = "a status is a number from 200 to 599"
	switch n := n.(type) {
	case *ast.IntegerNode:
		if status, err := strconv.Atoi(n.GetToken().Value); err != nil || status < 200 || status > 599 {
			c.doc.Fault(path+".status", wanted, "")
		}
	case *ast.StringNode:
		if !strings.Contains(n.Value, "${") {
			c.doc.Fault(path+".status", wanted, "write it without quotes, or as ${expression}")
		}
	}
}
