package shape

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/claimsmith/claimsmith/internal/yamltree"
)

// Option is a demand on a shape.
type Option func(*compiler)

// Mapping demands that the shape is a mapping; one that is null or missing is
// an empty one.
func Mapping() Option { return func(c *compiler) { c.mappingOnly = true } }

// Reserve refuses top-level members with these names, and keeps a spread from
// adding them.
func Reserve(names ...string) Option {
	return func(c *compiler) {
		for _, name := range names {
			c.reserved[name] = true
		}
	}
}

// Compile compiles a YAML tree, which may be part of a larger document: faults
// carry its positions. The error is of type Faults and holds all that is
// wrong. A nil tree is null.
func Compile[V any](tree ast.Node, env *Env[V], options ...Option) (*Shape[V], error) {
	c := &compiler{env: env.environment, reserved: map[string]bool{}}
	for _, option := range options {
		option(c)
	}
	root := c.root(tree)
	if len(c.faults) > 0 {
		slices.SortStableFunc(c.faults, func(a, b Fault) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
		})
		return nil, c.faults
	}
	return &Shape[V]{root: root, variables: env.variables}, nil
}

type compiler struct {
	env         *environment
	mappingOnly bool
	reserved    map[string]bool // top-level names
	faults      Faults
	nodes       int
	cost        uint64
}

// maxFaults is how many faults are reported; the compiler stops at them.
const maxFaults = 100

func (c *compiler) full() bool { return len(c.faults) >= maxFaults || c.nodes > MaxNodes }

func (c *compiler) fault(line, column int, hint, format string, args ...any) {
	if len(c.faults) >= maxFaults {
		return
	}
	c.faults = append(c.faults, Fault{line, column, fmt.Sprintf(format, args...), hint})
}

func (c *compiler) faultAt(n ast.Node, hint, format string, args ...any) {
	line, column := yamltree.Position(n)
	c.fault(line, column, hint, format, args...)
}

func (c *compiler) root(tree ast.Node) node {
	if tree == nil {
		tree = ast.Null(token.New("null", "null", &token.Position{Line: 1, Column: 1}))
	}
	n := c.node(tree, 0)
	if !c.mappingOnly {
		return n
	}
	switch n := n.(type) {
	case *mapping:
		return n
	case literal:
		if string(n) == "null" || string(n) == "{}" {
			return &mapping{}
		}
	}
	if len(c.faults) == 0 {
		c.faultAt(tree, "", "a mapping of names to values is wanted")
	}
	return n
}

// node compiles a YAML node. After a fault it returns a literal in its place.
func (c *compiler) node(n ast.Node, depth int) node {
	if c.full() {
		return literal("null")
	}
	switch c.nodes++; {
	case c.nodes > MaxNodes:
		c.faultAt(n, "", "more than %d values", MaxNodes)
		return literal("null")
	case depth > MaxDepth:
		c.faultAt(n, "", "nested more than %d deep", MaxDepth)
		return literal("null")
	}
	switch n := n.(type) {
	case *ast.DocumentNode:
		return c.node(n.Body, depth)
	case *ast.MappingNode:
		return c.mapping(n.Values, depth)
	case *ast.MappingValueNode:
		return c.mapping([]*ast.MappingValueNode{n}, depth)
	case *ast.SequenceNode:
		items := make(list, 0, len(n.Values))
		for _, item := range n.Values {
			items = append(items, c.node(item, depth+1))
		}
		return fold(items)
	case *ast.StringNode:
		return c.scalar(newScalar(n))
	case *ast.LiteralNode:
		return c.scalar(newBlock(n))
	case *ast.IntegerNode:
		return c.integer(n)
	case *ast.FloatNode:
		return c.number(n)
	case *ast.BoolNode:
		return literal(strconv.FormatBool(n.Value))
	case *ast.NullNode, *ast.CommentGroupNode:
		return literal("null")
	case *ast.AnchorNode, *ast.AliasNode:
		c.faultAt(n, "write the value out", "anchors and aliases are not allowed")
	case *ast.TagNode:
		c.faultAt(n, "", "tags are not allowed")
	case *ast.InfinityNode, *ast.NanNode:
		c.faultAt(n, "", "%s is no JSON number", n.GetToken().Value)
	default:
		c.faultAt(n, "", "a %s is not allowed here", n.Type())
	}
	return literal("null")
}

var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)

func isNumber(s string) bool { return jsonNumber.MatchString(s) }

func (c *compiler) integer(n *ast.IntegerNode) node {
	written := n.Token.Value
	if !isNumber(written) && !strings.HasPrefix(written, "0x") && !strings.HasPrefix(written, "0o") {
		c.faultAt(n, numberHint, "%s: readers of YAML do not agree on this number", written)
	}
	return literal(fmt.Sprint(n.Value))
}

const numberHint = "write it as JSON does, or in quotes if it is text"

func (c *compiler) number(n *ast.FloatNode) node {
	if !isNumber(n.Token.Value) || math.IsInf(n.Value, 0) {
		c.faultAt(n, numberHint, "%s: readers of YAML do not agree on this number", n.Token.Value)
	}
	return literal(n.Token.Value)
}

// looksNumeric matches unquoted strings that others read as numbers.
var looksNumeric = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)

func (c *compiler) scalar(s scalar) node {
	if s.plain && looksNumeric.MatchString(s.value) {
		c.fault(s.line, s.column, numberHint, "%s: readers of YAML do not agree on this number", s.value)
	}
	pieces, err := split(s.value)
	if err != nil {
		line, column := s.locate(err.offset)
		c.fault(line, column, `"$${" stands for a "${" that begins no expression`, "%s", err.message)
		return literal("null")
	}
	if s.block {
		pieces = trimBlock(pieces)
	}
	if len(pieces) == 1 && pieces[0].expression {
		return c.leafNode(c.leaf(s, pieces[0], false))
	}
	return c.text(s, pieces)
}

// trimBlock drops the line breaks around the only expression of a block scalar.
func trimBlock(pieces []piece) []piece {
	rest := slices.DeleteFunc(slices.Clone(pieces), func(p piece) bool {
		return !p.expression && strings.TrimSpace(p.text) == ""
	})
	if len(rest) == 1 && rest[0].expression {
		return rest
	}
	return pieces
}

func (c *compiler) leaf(s scalar, p piece, inText bool) leaf {
	return c.expression(p.text, inText, func(offset int) (int, int) { return s.locate(p.offset + offset) })
}

// leafNode unwraps constants, and stands in for what had faults.
func (c *compiler) leafNode(l leaf) node {
	switch l := l.(type) {
	case nil:
		return literal("null")
	case *constantLeaf:
		return l.json
	}
	return l
}

func (c *compiler) text(s scalar, pieces []piece) node {
	var t text
	if c.nodes += len(pieces); c.nodes > MaxNodes {
		c.fault(s.line, s.column, "", "more than %d values", MaxNodes)
		return literal("null")
	}
	for _, p := range pieces {
		if !p.expression {
			escaped := appendString(nil, p.text)
			t = append(t, part{literal: escaped[1 : len(escaped)-1]})
		} else if l := c.leaf(s, p, true); l != nil {
			t = append(t, part{leaf: l})
		}
	}
	if !slices.ContainsFunc(t, func(p part) bool { return p.leaf != nil }) {
		json, _ := t.append(nil, nil)
		return literal(json)
	}
	return t
}
