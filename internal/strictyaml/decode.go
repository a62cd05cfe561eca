package strictyaml

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/claimsmith/claimsmith/internal/nearest"
	"github.com/claimsmith/claimsmith/internal/yamltree"
)

// Decoder is a type that reads itself from a node, because more than one kind
// of node will do. It reports faults to the document.
type Decoder interface {
	DecodeYAML(d *Document, n ast.Node)
}

var (
	nodeType    = reflect.TypeFor[ast.Node]()
	decoderType = reflect.TypeFor[Decoder]()
	textType    = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// Decode reads a text into the struct that into points to. The error is of type
// Faults and holds all that is wrong; the document is there in any case, for
// checks of the caller's own, after which [Document.Err] has the faults of both.
//
// Every exported field has a yaml tag with its key: `yaml:"name"`, or
// `yaml:"-"`, or `yaml:",inline"` for a struct whose keys are its parent's. A
// jsonschema tag demands more: required, enum, pattern, minLength, maxLength,
// minimum, maximum, exclusiveMinimum, exclusiveMaximum, minItems, maxItems and
// uniqueItems, which of a list mean its items where they fit items.
//
// Fields may be strings, bools, numbers, [Duration], an encoding.TextUnmarshaler,
// a [Decoder], an ast.Node (kept as it is), an any (see [Value]), and structs,
// pointers, slices and maps by string of these. A key without a value is
// the same as none for a pointer, slice, map, node or any, and a fault
// elsewhere. What is not in the text keeps the value that it had: defaults are
// set before. Decode panics where into or a tag is not as said here.
func Decode(name string, text []byte, into any) (*Document, error) {
	d := parse(name, text)
	if len(d.faults) > 0 && d.root == nil {
		return d, d.Err()
	}
	d.Decode(d.root, into)
	return d, d.Err()
}

// Decode reads a node into what into points to, and adds the faults that it
// finds. A nil node is an empty mapping.
func (d *Document) Decode(n ast.Node, into any) {
	d.value(n, reflect.ValueOf(into).Elem(), rules{})
}

// FaultOf adds a fault of a node.
func (d *Document) FaultOf(n ast.Node, message, hint string) {
	d.faultAt(n, false, hint, "%s", message)
}

func (d *Document) value(n ast.Node, v reflect.Value, r rules) {
	if doc, ok := n.(*ast.DocumentNode); ok {
		n = doc.Body
	}
	if refused(n) {
		return
	}
	switch t := v.Type(); {
	case t == nodeType:
		if n != nil {
			v.Set(reflect.ValueOf(n))
		}
	case reflect.PointerTo(t).Implements(decoderType):
		v.Addr().Interface().(Decoder).DecodeYAML(d, n)
	case t.Kind() == reflect.Pointer:
		if isNull(n) {
			return
		}
		if v.IsNil() {
			v.Set(reflect.New(t.Elem()))
		}
		d.value(n, v.Elem(), r)
	case isScalar(t):
		d.scalar(n, v, r)
	case t.Kind() == reflect.Struct:
		d.structure(n, v)
	case t.Kind() == reflect.Slice:
		d.list(n, v, r)
	case t.Kind() == reflect.Map && t.Key().Kind() == reflect.String:
		d.free(n, v, r)
	case t.Kind() == reflect.Interface && t.NumMethod() == 0:
		if !isNull(n) {
			v.Set(reflect.ValueOf(d.Value(n)))
		}
	default:
		panic(fmt.Sprintf("strictyaml: a %v cannot be decoded", t))
	}
}

// refused says whether the node was reported when the tree was first walked.
func refused(n ast.Node) bool {
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		return true
	}
	return false
}

func isNull(n ast.Node) bool {
	switch n.(type) {
	case nil, *ast.NullNode, *ast.CommentGroupNode:
		return true
	}
	return false
}

// entries returns the members of a mapping, and whether n is one.
func entries(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, isNull(n)
}

// keys calls f for each key once, and reports those that are twice.
func (d *Document) keys(values []*ast.MappingValueNode, f func(name string, v *ast.MappingValueNode)) {
	lines := map[string]int{}
	for _, v := range values {
		name, ok := keyName(v.Key)
		if !ok {
			if !refused(v.Key) && v.Key.Type() != ast.MappingKeyType {
				d.faultAt(v.Key, false, "", "this cannot be a key")
			}
			continue
		}
		line, _ := yamltree.Position(v.Key)
		if first, twice := lines[name]; twice {
			d.faultAt(v.Key, false, "", "key %q is here twice, first in line %d", name, first)
			continue
		}
		lines[name] = line
		f(name, v)
	}
}

func (d *Document) structure(n ast.Node, v reflect.Value) {
	fields, err := fieldsOf(v.Type())
	if err != nil {
		panic("strictyaml: " + err.Error())
	}
	values, ok := entries(n)
	if !ok {
		d.faultAt(n, false, "", "a mapping is wanted, not %s", kindOf(n))
		return
	}
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	given := map[string]bool{} // or meant, by the look of it
	d.keys(values, func(name string, entry *ast.MappingValueNode) {
		i := slices.Index(names, name)
		if i < 0 {
			near := nearest.Name(name, names)
			given[near] = true
			d.faultAt(entry.Key, false, known(near, names), "unknown key %q", name)
			return
		}
		given[name] = true
		f := fields[i]
		if f.rules.required && isNull(entry.Value) {
			d.faultAt(entry.Key, false, "", "%q has no value", name)
			return
		}
		target := v.FieldByIndex(f.index)
		if isNull(entry.Value) && isScalar(target.Type()) {
			d.faultAt(entry.Key, false, "give it one or delete the line", "%q has no value", name)
			return
		}
		d.value(entry.Value, target, f.rules)
	})
	for _, f := range fields {
		if f.rules.required && !given[f.name] {
			d.faultAt(n, false, "", "missing key %q", f.name)
		}
	}
}

// known returns the hint for an unknown key.
func known(near string, names []string) string {
	if near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "known here are " + strings.Join(names, ", ")
}

func (d *Document) list(n ast.Node, v reflect.Value, r rules) {
	if isNull(n) {
		return
	}
	sequence, ok := n.(*ast.SequenceNode)
	if !ok {
		d.faultAt(n, false, `begin each item with "- "`, "a list is wanted, not %s", kindOf(n))
		return
	}
	if message := r.checkItems(len(sequence.Values)); message != "" {
		d.faultAt(n, false, "", "%s", message)
	}
	items := reflect.MakeSlice(v.Type(), len(sequence.Values), len(sequence.Values))
	seen := map[string]int{}
	for i, item := range sequence.Values {
		if isNull(item) && v.Type().Elem() != nodeType {
			d.faultAt(item, false, "", "an item has no value")
			continue
		}
		d.value(item, items.Index(i), r)
		if r.unique {
			text := item.GetToken().Value
			line, _ := yamltree.Position(item)
			if first, twice := seen[text]; twice {
				d.faultAt(item, false, "", "an item is here twice, first in line %d", first)
			} else {
				seen[text] = line
			}
		}
	}
	v.Set(items)
}

// free reads a mapping whose keys are the operator's.
func (d *Document) free(n ast.Node, v reflect.Value, r rules) {
	values, ok := entries(n)
	if !ok {
		d.faultAt(n, false, "", "a mapping is wanted, not %s", kindOf(n))
		return
	}
	if len(values) == 0 {
		return
	}
	m := reflect.MakeMapWithSize(v.Type(), len(values))
	d.keys(values, func(name string, entry *ast.MappingValueNode) {
		elem := reflect.New(v.Type().Elem()).Elem()
		if isNull(entry.Value) && isScalar(elem.Type()) {
			d.faultAt(entry.Key, false, "give it one or delete the line", "%q has no value", name)
			return
		}
		d.value(entry.Value, elem, rules{enum: r.enum, pattern: r.pattern})
		m.SetMapIndex(reflect.ValueOf(name).Convert(v.Type().Key()), elem)
	})
	v.Set(m)
}
