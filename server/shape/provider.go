package shape

import (
	"encoding"
	"encoding/json"
	"reflect"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// provider tells CEL the fields of the variables' structs.
type provider struct {
	types.Provider
	objects map[string]*object
}

func (p *provider) FindStructType(name string) (*types.Type, bool) {
	if o, ok := p.objects[name]; ok {
		return types.NewTypeTypeWithParam(o.typ), true
	}
	return p.Provider.FindStructType(name)
}

func (p *provider) FindStructFieldNames(name string) ([]string, bool) {
	if o, ok := p.objects[name]; ok {
		return o.names, true
	}
	return p.Provider.FindStructFieldNames(name)
}

func (p *provider) FindStructFieldType(name, member string) (*types.FieldType, bool) {
	o, ok := p.objects[name]
	if !ok {
		return p.Provider.FindStructFieldType(name, member)
	}
	f, ok := o.fields[member]
	if !ok {
		return nil, false
	}
	return &types.FieldType{
		Type: f.typ,
		IsSet: func(target any) bool {
			v, err := o.target(target)
			return err == nil && f.isSet(f.of(v))
		},
		GetFrom: func(target any) (any, error) {
			v, err := o.target(target)
			if err != nil {
				return nil, err
			}
			return f.get(f.of(v)), nil
		},
	}, true
}

// What can be computed with is bounded, because CEL counts the cost of a call
// only after the call.
const (
	maxString  = 4 << 10
	maxMembers = 4096
)

// adapter makes CEL values of Go values, those within free maps too.
type adapter struct{ base types.Adapter }

func (a *adapter) NativeToValue(v any) ref.Val {
	switch v := v.(type) {
	case string:
		return checkString(types.String(v))
	case types.String:
		return checkString(v)
	case json.Number:
		return number(v)
	case nil, bool, int, int64, uint64, float64, time.Time, time.Duration, ref.Val:
		return a.base.NativeToValue(v)
	case map[string]any:
		if len(v) <= maxMembers {
			return types.NewStringInterfaceMap(a, v)
		}
	case []any:
		if len(v) <= maxMembers {
			return types.NewDynamicList(a, v)
		}
	case []string:
		if len(v) <= maxMembers {
			return types.NewStringList(a, v)
		}
	case encoding.TextMarshaler:
		text, err := v.MarshalText()
		if err != nil {
			return types.NewErr("not a text: %v", err)
		}
		return checkString(types.String(text))
	default:
		return a.reflected(reflect.ValueOf(v))
	}
	return types.NewErr("a value of more than %d members", maxMembers)
}

func (a *adapter) reflected(v reflect.Value) ref.Val {
	switch k := kindOf(v.Type()); {
	case k == stringKind:
		return checkString(types.String(v.String()))
	case k == boolKind:
		return types.Bool(v.Bool())
	case k == intKind:
		return types.Int(v.Int())
	case k == uintKind:
		return types.Uint(v.Uint())
	case k == floatKind:
		return types.Double(v.Float())
	case v.Kind() == reflect.Slice && v.Len() <= maxMembers:
		return types.NewDynamicList(a, v.Interface())
	case v.Kind() == reflect.Map && v.Len() <= maxMembers:
		return types.NewDynamicMap(a, v.Interface())
	}
	return types.NewErr("a %v cannot be used in expressions", v.Type())
}

func checkString(s types.String) ref.Val {
	if len(s) > maxString {
		return types.NewErr("a string of more than %d bytes", maxString)
	}
	return s
}

func number(n json.Number) ref.Val {
	if i, err := n.Int64(); err == nil {
		return types.Int(i)
	}
	f, err := n.Float64()
	if err != nil {
		return types.NewErr("not a number")
	}
	return types.Double(f)
}
