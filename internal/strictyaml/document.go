package strictyaml

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/claimsmith/claimsmith/internal/yamltree"
)

// The bounds of a document. What exceeds them is a fault.
const (
	MaxText  = 1 << 20 // bytes
	MaxDepth = 50      // brackets, or dashes in one line, within each other

	// maxTokens bounds the parser's time, which grows with the square of a
	// mapping's length.
	maxTokens = 20_000
	maxFaults = 100
)

var limits = yamltree.Limits{Tokens: maxTokens, TooMany: fmt.Sprintf("more than %d words and signs", maxTokens), Depth: MaxDepth}

// Document is a text with its tree and the faults found so far. A document
// that could not be parsed has an empty tree.
type Document struct {
	name   string
	lines  []string
	root   ast.Node
	faults Faults
}

// Err returns the faults in the order of the text, as an error of type Faults,
// or nil where there are none.
func (d *Document) Err() error {
	if len(d.faults) == 0 {
		return nil
	}
	sorted := slices.Clone(d.faults)
	slices.SortStableFunc(sorted, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return sorted
}

// Fault adds a fault of the value at a path, such as issuers[0].chain[1] or
// clients["a.b"].name. Where the path leads nowhere, it is a fault of the
// innermost value that exists.
func (d *Document) Fault(path, message, hint string) {
	line, column := d.Pos(path)
	d.fault(line, column, false, hint, "%s", message)
}

// FaultOfKey adds a fault of the key that a path ends with, or like Fault where
// there is none.
func (d *Document) FaultOfKey(path, message, hint string) {
	steps := splitPath(path)
	parent := d.root
	for _, step := range steps[:len(steps)-1] {
		parent = child(parent, step)
	}
	var members []*ast.MappingValueNode
	switch n := parent.(type) {
	case *ast.MappingNode:
		members = n.Values
	case *ast.MappingValueNode:
		members = []*ast.MappingValueNode{n}
	}
	for _, m := range members {
		if name, ok := keyName(m.Key); ok && name == steps[len(steps)-1] {
			d.faultAt(m.Key, false, hint, "%s", message)
			return
		}
	}
	d.Fault(path, message, hint)
}

// Empty reports whether there is nothing to look at: the text could not be
// parsed, or holds nothing.
func (d *Document) Empty() bool { return d.root == nil }

// FaultAt adds a fault at a position, as compilers of parts of the document
// report it. Its whole line is shown.
func (d *Document) FaultAt(line, column int, message, hint string) {
	d.fault(line, column, true, hint, "%s", message)
}

func (d *Document) fault(line, column int, harmless bool, hint, format string, args ...any) {
	if len(d.faults) >= maxFaults {
		return
	}
	f := Fault{File: d.name, Line: line, Column: column, Hint: hint, Message: fmt.Sprintf(format, args...)}
	if 1 <= line && line <= len(d.lines) {
		f.Source = quote(d.lines[line-1], column, harmless)
	}
	d.faults = append(d.faults, f)
}

// faultAt adds a fault of a node.
func (d *Document) faultAt(n ast.Node, harmless bool, hint, format string, args ...any) {
	line, column := yamltree.Position(n)
	d.fault(line, column, harmless, hint, format, args...)
}

// Pos returns where the value at a path begins, or the innermost value on the
// way to it that exists.
func (d *Document) Pos(path string) (line, column int) {
	n := d.root
	for _, step := range splitPath(path) {
		next := child(n, step)
		if next == nil {
			break
		}
		n = next
	}
	return yamltree.Position(n)
}

// splitPath parts issuers[0].chain["a.b"] into issuers, 0, chain and a.b.
func splitPath(path string) []string {
	var steps []string
	for path != "" {
		switch {
		case path[0] == '.':
			path = path[1:]
		case strings.HasPrefix(path, `["`):
			step, rest, _ := strings.Cut(path[2:], `"]`)
			steps, path = append(steps, step), rest
		case path[0] == '[':
			step, rest, _ := strings.Cut(path[1:], "]")
			steps, path = append(steps, step), rest
		default:
			n := strings.IndexAny(path, ".[")
			if n < 0 {
				n = len(path)
			}
			steps, path = append(steps, path[:n]), path[n:]
		}
	}
	return steps
}

func child(n ast.Node, step string) ast.Node {
	switch n := n.(type) {
	case *ast.MappingNode:
		for _, v := range n.Values {
			if name, ok := keyName(v.Key); ok && name == step {
				return v.Value
			}
		}
	case *ast.MappingValueNode:
		if name, ok := keyName(n.Key); ok && name == step {
			return n.Value
		}
	case *ast.SequenceNode:
		if i, err := strconv.Atoi(step); err == nil && 0 <= i && i < len(n.Values) {
			return n.Values[i]
		}
	}
	return nil
}

// keyName returns a key as text.
func keyName(key ast.MapKeyNode) (string, bool) {
	switch k := key.(type) {
	case *ast.StringNode:
		return k.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return k.GetToken().Value, true
	}
	return "", false
}

// parse reads the text into the document's tree.
func parse(name string, text []byte) *Document {
	d := &Document{name: name}
	switch {
	case len(text) > MaxText:
		d.fault(1, 1, false, "", "the text is longer than %d bytes", MaxText)
		return d
	case !utf8.Valid(text):
		d.fault(1, 1, false, "", "the text is no UTF-8")
		return d
	}
	d.lines = strings.Split(string(text), "\n")
	file, err := yamltree.Parse(string(text), limits)
	if err != nil {
		d.syntaxFault(err)
		return d
	}
	for _, doc := range file.Docs {
		switch {
		case doc.Body == nil:
		case d.root == nil:
			d.root = doc.Body
		default:
			d.faultAt(doc.Body, false, "", "more than one document")
		}
	}
	if d.root != nil {
		ast.Walk(refuser{d}, d.root)
	}
	return d
}

func (d *Document) syntaxFault(err error) {
	line, column, message, hint := 1, 1, "", ""
	if syntax, ok := errors.AsType[*yaml.SyntaxError](err); !ok {
		message = err.Error()
	} else {
		message = syntax.Message // its Error renders the whole text, slowly
		if syntax.Token != nil && syntax.Token.Position != nil {
			line, column = max(syntax.Token.Position.Line, 1), max(syntax.Token.Position.Column, 1)
		}
	}
	if line <= len(d.lines) && strings.HasPrefix(strings.TrimLeft(d.lines[line-1], " "), "\t") {
		hint = "indent with spaces"
	} else if strings.Contains(message, "mapping value is not allowed") {
		hint = `put a value that holds ": " in quotes`
	} else if line <= len(d.lines) && strings.Contains(d.lines[line-1], "${") && strings.Contains(message, "must be specified") {
		hint = `put a value that holds ${…} in double quotes where it stands between { and } or [ and ]`
	}
	d.fault(line, column, false, hint, "%s", message)
}

// refuser visits the tree for what no part of it may hold.
type refuser struct{ d *Document }

// Visit is part of ast.Visitor.
func (r refuser) Visit(n ast.Node) ast.Visitor {
	switch n.(type) {
	case *ast.AnchorNode:
		r.d.faultAt(n, false, "write the value out where it is used", "anchors are not allowed")
	case *ast.AliasNode:
		r.d.faultAt(n, false, "write the value out", "aliases are not allowed")
	case *ast.MergeKeyNode:
		r.d.faultAt(n, false, "write the keys out", "merge keys are not allowed")
	case *ast.TagNode:
		r.d.faultAt(n, false, "", "tags are not allowed")
	case *ast.MappingKeyNode:
		r.d.faultAt(n, false, "write key: value", "a \"?\" before a key is not allowed")
		return nil
	}
	return r
}
