package shape

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// Shape is a compiled YAML tree. It is safe for concurrent use.
//
// # Values
//
// A scalar that is exactly ${expression} has the expression's value with its
// type; one with text around expressions is a string. Everything else is
// itself: numbers keep their digits, so 1 is no 1.0. "$${" stands for "${".
// Where YAML has a use for a character of the expression (a ": " or " #", or
// any brace within [ ] or { }), the scalar is put in quotes, or in a block
// below "|".
//
//	sub:      ${identity.subject}
//	contact:  ${identity.name} <${identity.email}>
//	level:    ${identity.claims.level}
//	expires:  ${string(token.expires.unix())}
//	kind:     "${ 'admin' in identity.roles ? 'staff' : 'guest' }"
//	version:  2
//
// A time is a string of ISO 8601 in UTC with milliseconds, a duration is its
// seconds, bytes are base64. Bytes of a string that are no UTF-8 become U+FFFD.
//
// # Absent, null and empty
//
// The three are different, and stay so:
//
//   - Absent is a key that a free map does not have, an index past the end of a
//     list, and an optional without a value. A leaf that only names something
//     absent (${identity.claims.title}) has no value: its member or list item
//     is left out. To compute with something absent is an error, because a
//     token without a claim that it should have is worse than none: say what
//     then, as in ${identity.claims.?title.orValue('none').upperAscii()}.
//   - Null is a value: the member is there and null. So is the time that is
//     not set.
//   - Empty is a value: "", [] and {}. The fields of a variable (identity.email)
//     are never absent; what is not set is empty.
//
// A "?" after a member's name makes the member optional. It is left out where
// it would be absent, null or empty, and where its expression, or one within
// it, needs something absent. Zero and false are not empty.
//
//	email:   ${identity.email}                  → "email":"" for who has none
//	email?:  ${identity.email}                  → no member for who has none
//	title:   ${identity.claims.title}           → no member where the plugin sent none, null where it sent null
//	groups?: ${identity.claims.memberOf.map(g, g.lowerAscii())}
//
// The question mark stands at the name, as in TypeScript, since it is the
// member that may be missing, whatever its value is made of. A name that ends
// in a real question mark is written with a backslash before it.
//
// # Spread
//
// A member named "..." (in quotes) adds the members of a map, sorted by name,
// after the others. What the mapping names itself, present or absent, and
// what is reserved it does not add.
//
//	"...": ${identity.claims}
//
// # Order
//
// Members are written in the order of the text, those of maps by name.
type Shape[V any] struct {
	root      node
	variables *object
}

// AppendJSON appends the shape's JSON for the values of the variables. On an
// error, which is a *RenderError, it returns dst with nothing appended. A
// shape that is nothing but an absent value is null.
func (s *Shape[V]) AppendJSON(dst []byte, variables *V) ([]byte, error) {
	r := run{variables: s.variables, values: reflect.ValueOf(variables).Elem()}
	return appendNode(dst, s.root, &r)
}

func appendNode(dst []byte, n node, r *run) ([]byte, error) {
	out, err := n.append(dst, r)
	if errors.Is(err, errAbsent) {
		return append(dst, "null"...), nil
	}
	if err != nil {
		return dst, err
	}
	return out, nil
}

// Render returns what AppendJSON writes as Go values: integers as int64 or
// uint64, other numbers as float64. It is for tests and explanations; the hot
// path is AppendJSON.
func (s *Shape[V]) Render(variables *V) (any, error) {
	text, err := s.AppendJSON(nil, variables)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("render shape: %w", err)
	}
	return plain(v), nil
}

func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			f, _ := v.Float64()
			return f
		}
		if i, err := v.Int64(); err == nil {
			return i
		}
		var u uint64
		if json.Unmarshal([]byte(v), &u) == nil {
			return u
		}
		f, _ := v.Float64()
		return f
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = plain(v[k])
		}
	}
	return v
}
