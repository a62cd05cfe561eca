package shape

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
)

// object is a Go struct as expressions see it. It is reflected once, when the
// Env is made.
type object struct {
	name   string // of the CEL type; holds a space, so that no expression can name it
	typ    *cel.Type
	fields map[string]*field
	names  []string
	unset  reflect.Value // a zero struct, which a nil pointer reads as
}

// field is a member of an object, or a variable.
type field struct {
	index []int
	kind  kind
	typ   *cel.Type
	inner *object // where kind is structKind
}

// kind says how a field's Go value becomes a CEL or a JSON value.
type kind int

const (
	stringKind kind = iota
	boolKind
	intKind
	uintKind
	floatKind
	timeKind
	durationKind
	textKind // an encoding.TextMarshaler: its text
	stringsKind
	otherKind // lists, maps and interfaces: as they are
	structKind
)

const maxStructs = 4 // structs within structs

var (
	timeType      = reflect.TypeFor[time.Time]()
	durationType  = reflect.TypeFor[time.Duration]()
	marshalerType = reflect.TypeFor[encoding.TextMarshaler]()
)

// newObject reflects a struct type. Fields go by their json names; unexported
// ones and those tagged "-" do not exist.
func newObject(path string, t reflect.Type, depth int) (*object, error) {
	o := &object{name: "object " + path, fields: map[string]*field{}, unset: reflect.New(t).Elem()}
	o.typ = cel.ObjectType(o.name)
	if depth > maxStructs {
		return nil, fmt.Errorf("%s: more than %d structs within each other", path, maxStructs)
	}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "-" || f.Anonymous && name == "" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		if len(f.Index) > 1 && t.FieldByIndex(f.Index[:1]).Type.Kind() == reflect.Pointer {
			return nil, fmt.Errorf("%s: an embedded pointer cannot be used in expressions", name)
		}
		member, err := newField(strings.TrimPrefix(path+"."+name, "."), f.Type, depth)
		if err != nil {
			return nil, err
		}
		member.index = f.Index
		o.fields[name] = member
		o.names = append(o.names, name)
	}
	return o, nil
}

func newField(path string, t reflect.Type, depth int) (*field, error) {
	if t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct {
		t = t.Elem()
	}
	switch {
	case t == timeType:
		return &field{kind: timeKind, typ: cel.TimestampType}, nil
	case t == durationType:
		return &field{kind: durationKind, typ: cel.DurationType}, nil
	case t.Implements(marshalerType):
		return &field{kind: textKind, typ: cel.StringType}, nil
	case t.Kind() == reflect.Struct:
		inner, err := newObject(path, t, depth+1)
		if err != nil {
			return nil, err
		}
		return &field{kind: structKind, typ: inner.typ, inner: inner}, nil
	}
	typ := celType(t)
	if typ == nil {
		return nil, fmt.Errorf("%s: a %v cannot be used in expressions", path, t)
	}
	return &field{kind: kindOf(t), typ: typ}, nil
}

func kindOf(t reflect.Type) kind {
	switch k := t.Kind(); {
	case k == reflect.String:
		return stringKind
	case k == reflect.Bool:
		return boolKind
	case reflect.Int <= k && k <= reflect.Int64:
		return intKind
	case reflect.Uint <= k && k <= reflect.Uint64:
		return uintKind
	case k == reflect.Float32 || k == reflect.Float64:
		return floatKind
	case k == reflect.Slice && t.Elem().Kind() == reflect.String && !t.Elem().Implements(marshalerType):
		return stringsKind
	}
	return otherKind
}

// celType returns the CEL type of a Go type that is no struct, or nil.
func celType(t reflect.Type) *cel.Type {
	switch k := kindOf(t); k {
	case stringKind:
		return cel.StringType
	case boolKind:
		return cel.BoolType
	case intKind:
		return cel.IntType
	case uintKind:
		return cel.UintType
	case floatKind:
		return cel.DoubleType
	}
	switch {
	case t.Kind() == reflect.Interface && t.NumMethod() == 0:
		return cel.DynType
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return nil
	case t.Kind() == reflect.Slice:
		if elem := celType(t.Elem()); elem != nil && !t.Elem().Implements(marshalerType) {
			return cel.ListType(elem)
		}
	case t.Kind() == reflect.Map && t.Key().Kind() == reflect.String:
		if elem := celType(t.Elem()); elem != nil && !t.Elem().Implements(marshalerType) {
			return cel.MapType(cel.StringType, elem)
		}
	}
	return nil
}

// collect adds the structs within an object by their CEL names.
func (o *object) collect(all map[string]*object) {
	for _, f := range o.fields {
		if f.inner != nil {
			all[f.inner.name] = f.inner
			f.inner.collect(all)
		}
	}
}

// of returns the field's Go value within a struct.
func (f *field) of(object reflect.Value) reflect.Value { return object.FieldByIndex(f.index) }

// get returns a Go value as CEL takes it.
func (f *field) get(v reflect.Value) any {
	switch f.kind {
	case stringKind:
		return types.String(v.String())
	case boolKind:
		return types.Bool(v.Bool())
	case intKind:
		return types.Int(v.Int())
	case uintKind:
		return types.Uint(v.Uint())
	case floatKind:
		return types.Double(v.Float())
	case timeKind:
		return types.Timestamp{Time: timeOf(v)}
	case durationKind:
		return types.Duration{Duration: time.Duration(v.Int())}
	case textKind:
		text, err := v.Interface().(encoding.TextMarshaler).MarshalText()
		if err != nil {
			return types.NewErr("not a text: %v", err)
		}
		return types.String(text)
	case structKind:
		if v.Kind() == reflect.Pointer {
			return v.Interface()
		}
		return v.Addr().Interface()
	}
	return v.Interface()
}

// isSet says whether has() holds: for a struct a pointer that is not nil, for
// anything else a value that is not empty.
func (f *field) isSet(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() > 0
	}
	return !v.IsZero()
}

// appendJSON writes a Go value, which is no struct.
func (f *field) appendJSON(dst []byte, v reflect.Value) ([]byte, error) {
	switch f.kind {
	case stringKind:
		return appendString(dst, v.String()), nil
	case stringsKind:
		dst = append(dst, '[')
		for i := range v.Len() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendString(dst, v.Index(i).String())
		}
		return append(dst, ']'), nil
	case timeKind:
		return appendTime(dst, timeOf(v)), nil
	}
	return appendValue(dst, f.get(v), 0)
}

func timeOf(v reflect.Value) time.Time {
	if v.Kind() != reflect.Pointer {
		return v.Interface().(time.Time)
	}
	if t := v.Interface().(*time.Time); t != nil {
		return *t
	}
	return time.Time{}
}

// target returns the struct behind what get returned for a struct field.
func (o *object) target(v any) (reflect.Value, error) {
	p := reflect.ValueOf(v)
	if p.Kind() != reflect.Pointer || p.Type().Elem() != o.unset.Type() {
		return reflect.Value{}, fmt.Errorf("no such field of a %T", v)
	}
	if p.IsNil() {
		return o.unset, nil
	}
	return p.Elem(), nil
}
