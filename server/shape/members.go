package shape

import (
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/claimsmith/claimsmith/internal/yamltree"
)

const spreadName = "..."

// mapping compiles a mapping's members.
func (c *compiler) mapping(values []*ast.MappingValueNode, depth int) node {
	m := &mapping{}
	lines := map[string]int{}
	for _, v := range values {
		if c.full() {
			break
		}
		name, optional, ok := c.name(v.Key)
		if !ok {
			continue
		}
		line, column := yamltree.Position(v.Key)
		if first, twice := lines[name]; twice {
			c.fault(line, column, "", "%s is here twice, first in line %d", name, first)
			continue
		}
		lines[name] = line
		entry := Member{Name: name, Optional: optional, Line: line, Column: column, Source: sourceOf(v.Value)}
		if depth == 0 && c.reserved[name] {
			c.fault(line, column, "", "%s cannot be set here", name)
		}
		value := c.node(v.Value, depth+1)
		if name == spreadName {
			c.spread(m, entry, v.Value, value)
			continue
		}
		m.members = append(m.members, member{Member: entry, key: append(appendString(nil, name), ':'), node: value})
	}
	if m.spread != nil {
		m.spread.taken = c.taken(lines, depth)
	}
	if depth == 0 {
		return m
	}
	return fold(m)
}

// name reads a member's name and whether a "?" makes it optional.
func (c *compiler) name(key ast.MapKeyNode) (name string, optional, ok bool) {
	switch k := key.(type) {
	case *ast.StringNode:
		name = k.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		name = k.GetToken().Value
	case *ast.MergeKeyNode:
		c.faultAt(key, `"...": ${…} adds the members of a map`, "merge keys are not allowed")
		return "", false, false
	default:
		c.faultAt(key, "put it in quotes", "a %s cannot be a name", key.Type())
		return "", false, false
	}
	if strings.Contains(name, "${") {
		c.faultAt(key, `"...": ${…} adds members whose names are computed`, "a name cannot hold an expression")
		return "", false, false
	}
	if literal, ok := strings.CutSuffix(name, `\?`); ok {
		return literal + "?", false, true
	}
	name, optional = strings.CutSuffix(name, "?")
	return name, optional, true
}

func (c *compiler) spread(m *mapping, entry Member, n ast.Node, value node) {
	l, ok := value.(leaf)
	if !ok {
		if len(c.faults) == 0 {
			c.faultAt(n, "", "%s takes one expression that gives a map", spreadName)
		}
		return
	}
	m.spread = &spread{Member: entry, leaf: l}
}

// taken is what a spread must not add.
func (c *compiler) taken(lines map[string]int, depth int) map[string]bool {
	taken := map[string]bool{}
	for name := range lines {
		taken[name] = name != spreadName
	}
	if depth == 0 {
		for name := range c.reserved {
			taken[name] = true
		}
	}
	return taken
}

// sourceOf returns a value as written, on one line where it is a scalar.
func sourceOf(n ast.Node) string {
	switch n := n.(type) {
	case nil:
		return ""
	case *ast.StringNode:
		return n.Value
	case *ast.LiteralNode:
		return strings.TrimSpace(n.Value.Value)
	}
	return strings.TrimSpace(n.String())
}
