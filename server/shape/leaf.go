package shape

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// leaf is an expression.
type leaf interface {
	node
	value(r *run) (any, error) // a Go or a CEL value; errAbsent where there is none
	fail(err error) error      // wraps what went wrong with it
}

// place is where a leaf stands.
type place struct {
	line, column int
	source       string
}

func (p place) fail(err error) error {
	return &RenderError{Line: p.line, Column: p.column, Source: strings.TrimSpace(p.source), Err: err}
}

// path is an expression that only names something, such as identity.email or
// identity.claims.address['city']: it needs no CEL to be read.
type path struct {
	place
	fields []*field // from a variable through structs
	steps  []step   // from there through free maps and lists
}

type step struct {
	key   string
	index int // where key is not meant
	byKey bool
}

// pathOf returns the path that an expression is, or nil.
func pathOf(e celast.Expr, variables *object) *path {
	switch e.Kind() {
	case celast.IdentKind:
		if f, ok := variables.fields[e.AsIdent()]; ok {
			return &path{fields: []*field{f}}
		}
	case celast.SelectKind:
		s := e.AsSelect()
		if p := pathOf(s.Operand(), variables); p != nil && !s.IsTestOnly() {
			return p.to(step{key: s.FieldName(), byKey: true})
		}
	case celast.CallKind:
		call := e.AsCall()
		if call.FunctionName() != operators.Index || call.Args()[1].Kind() != celast.LiteralKind {
			return nil
		}
		p := pathOf(call.Args()[0], variables)
		if p == nil {
			return nil
		}
		switch key := call.Args()[1].AsLiteral().(type) {
		case types.String:
			return p.to(step{key: string(key), byKey: true})
		case types.Int:
			return p.to(step{index: int(key)})
		}
	}
	return nil
}

func (p *path) to(s step) *path {
	if last := p.fields[len(p.fields)-1]; len(p.steps) == 0 && last.kind == structKind {
		f, ok := last.inner.fields[s.key]
		if !ok {
			return nil
		}
		p.fields = append(p.fields, f)
		return p
	}
	p.steps = append(p.steps, s)
	return p
}

// target returns the Go value that the fields lead to.
func (p *path) target(r *run) (*field, reflect.Value) {
	f := p.fields[0]
	v := f.of(r.values)
	for _, next := range p.fields[1:] {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v = f.inner.unset
			} else {
				v = v.Elem()
			}
		}
		f, v = next, next.of(v)
	}
	return f, v
}

func (p *path) value(r *run) (any, error) {
	f, target := p.target(r)
	v := f.get(target)
	for _, s := range p.steps {
		var ok bool
		if v, ok = s.of(v); !ok {
			return nil, errAbsent
		}
	}
	return v, nil
}

func (p *path) append(dst []byte, r *run) ([]byte, error) {
	var err error
	if len(p.steps) == 0 {
		f, v := p.target(r)
		dst, err = f.appendJSON(dst, v)
	} else {
		var v any
		if v, err = p.value(r); err == errAbsent {
			return dst, err
		}
		dst, err = appendValue(dst, v, 0)
	}
	if err != nil {
		return dst, p.fail(err)
	}
	return dst, nil
}

// of takes one step into a map or list.
func (s step) of(v any) (any, bool) {
	switch v := v.(type) {
	case map[string]any:
		member, ok := v[s.key]
		return member, ok && s.byKey
	case []any:
		if s.byKey || s.index < 0 || s.index >= len(v) {
			return nil, false
		}
		return v[s.index], true
	}
	switch rv := reflect.ValueOf(v); {
	case rv.Kind() == reflect.Map && s.byKey && rv.Type().Key().Kind() == reflect.String:
		if member := rv.MapIndex(reflect.ValueOf(s.key).Convert(rv.Type().Key())); member.IsValid() {
			return member.Interface(), true
		}
	case rv.Kind() == reflect.Slice && !s.byKey && 0 <= s.index && s.index < rv.Len():
		return rv.Index(s.index).Interface(), true
	}
	return nil, false
}

// program is an expression that computes.
type program struct {
	place
	cel cel.Program
}

func (p *program) value(r *run) (any, error) {
	v, _, err := p.cel.Eval(r)
	if err != nil {
		return nil, p.fail(celError(err))
	}
	if o, ok := v.(*types.Optional); ok {
		if !o.HasValue() {
			return nil, errAbsent
		}
		v = o.GetValue()
	}
	return v, nil
}

func (p *program) append(dst []byte, r *run) ([]byte, error) {
	v, err := p.value(r)
	if err != nil {
		return dst, err
	}
	if dst, err = appendCEL(dst, v.(ref.Val), 0); err != nil {
		return dst, p.fail(err)
	}
	return dst, nil
}

// ResolveName returns a variable's value to CEL.
func (r *run) ResolveName(name string) (any, bool) {
	f, ok := r.variables.fields[name]
	if !ok {
		return nil, false
	}
	return f.get(f.of(r.values)), true
}

// Parent is part of cel.Activation.
func (r *run) Parent() cel.Activation { return nil }

// celError says in our words what CEL says in its own, and tells what is
// missing from what is wrong.
func celError(err error) error {
	message := err.Error()
	switch {
	case errors.Is(err, errUnset), strings.HasPrefix(message, "no such key"),
		strings.HasPrefix(message, "index out of bounds"), strings.HasPrefix(message, "optional.none() dereference"):
		return fmt.Errorf("%w: %s", errMissing, message)
	case strings.HasPrefix(message, "no such overload"):
		return errors.New("a value has another type than the expression expects")
	}
	return errors.New(message)
}
