package strictyaml

import (
	"math"
	"regexp"

	"github.com/goccy/go-yaml/ast"
)

// Value is [Value], and reports what readers of YAML do not agree on: keys that
// are there twice, and numbers such as 010.
func (d *Document) Value(n ast.Node) any {
	d.checkValue(n)
	return Value(n)
}

// jsonNumber matches what JSON has too, which may have an exponent.
var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)

func (d *Document) checkValue(n ast.Node) {
	switch n := n.(type) {
	case *ast.DocumentNode:
		d.checkValue(n.Body)
	case *ast.SequenceNode:
		for _, item := range n.Values {
			d.checkValue(item)
		}
	case *ast.IntegerNode, *ast.FloatNode:
		// What it is may be a secret that somebody forgot to put in quotes.
		if text := n.GetToken().Value; !plainNumber.MatchString(text) && !jsonNumber.MatchString(text) {
			d.faultAt(n, false, "write digits alone, without a zero before them, or put it in quotes if it is text", "readers of YAML do not agree on this number")
		}
	case *ast.MappingNode, *ast.MappingValueNode:
		values, _ := entries(n)
		d.keys(values, func(_ string, v *ast.MappingValueNode) { d.checkValue(v.Value) })
	}
}

// Value returns a node as Go values: map[string]any, []any, string, bool, int64,
// uint64, float64 and nil. Of keys that are twice the last counts, and what a
// document must not hold is nil.
func Value(n ast.Node) any {
	switch n := n.(type) {
	case *ast.DocumentNode:
		return Value(n.Body)
	case *ast.StringNode:
		return n.Value
	case *ast.LiteralNode:
		return n.Value.Value
	case *ast.BoolNode:
		return n.Value
	case *ast.FloatNode:
		return n.Value
	case *ast.IntegerNode:
		if u, ok := n.Value.(uint64); ok && u <= math.MaxInt64 {
			return int64(u)
		}
		return n.Value
	case *ast.SequenceNode:
		list := make([]any, len(n.Values))
		for i, item := range n.Values {
			list[i] = Value(item)
		}
		return list
	}
	values, ok := entries(n)
	if !ok || isNull(n) {
		return nil
	}
	m := make(map[string]any, len(values))
	for _, v := range values {
		if name, ok := keyName(v.Key); ok {
			m[name] = Value(v.Value)
		}
	}
	return m
}
