package shape

import (
	"encoding"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// maxValueDepth bounds lists and maps within each other in what an expression
// gives; deeper ones are errors.
const maxValueDepth = 32

// maxJSON bounds what a shape is rendered to, in bytes, as far as lists and maps
// of expressions are concerned.
const maxJSON = 1 << 20

var (
	errDepth = fmt.Errorf("lists and maps are nested more than %d deep", maxValueDepth)
	errLarge = fmt.Errorf("more than %d bytes of JSON", maxJSON)
)

// appendValue appends a value as JSON: of CEL, or a Go value as it came in a
// free map.
func appendValue(dst []byte, v any, depth int) ([]byte, error) {
	switch {
	case depth > maxValueDepth:
		return dst, errDepth
	case len(dst) > maxJSON:
		return dst, errLarge
	}
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case ref.Val:
		return appendCEL(dst, v, depth)
	case string:
		return appendString(dst, v), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case int:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case uint64:
		return strconv.AppendUint(dst, v, 10), nil
	case float64:
		return appendFloat(dst, v)
	case json.Number:
		return appendNumber(dst, v)
	case time.Time:
		return appendTime(dst, v), nil
	case []any:
		return appendList(dst, v, depth)
	case []string:
		return appendList(dst, v, depth)
	case map[string]any:
		return appendMap(dst, v, depth)
	case map[string]string:
		return appendMap(dst, v, depth)
	case encoding.TextMarshaler:
		text, err := v.MarshalText()
		return appendString(dst, string(text)), err
	}
	return appendReflected(dst, reflect.ValueOf(v), depth)
}

// appendReflected takes the Go values that are no JSON value themselves but
// whose kind is one's.
func appendReflected(dst []byte, v reflect.Value, depth int) ([]byte, error) {
	switch k := kindOf(v.Type()); {
	case k == stringKind:
		return appendString(dst, v.String()), nil
	case k == boolKind:
		return strconv.AppendBool(dst, v.Bool()), nil
	case k == intKind:
		return strconv.AppendInt(dst, v.Int(), 10), nil
	case k == uintKind:
		return strconv.AppendUint(dst, v.Uint(), 10), nil
	case k == floatKind:
		return appendFloat(dst, v.Float())
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() != reflect.Uint8:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = v.Index(i).Interface()
		}
		return appendList(dst, list, depth)
	case v.Kind() == reflect.Map && v.Type().Key().Kind() == reflect.String:
		m := make(map[string]any, v.Len())
		for key, value := range v.Seq2() {
			m[key.String()] = value.Interface()
		}
		return appendMap(dst, m, depth)
	}
	return dst, fmt.Errorf("a %v has no JSON form", v.Type())
}

func appendCEL(dst []byte, v ref.Val, depth int) ([]byte, error) {
	switch v := v.(type) {
	case types.String:
		if len(v) > maxJSON {
			return dst, errLarge
		}
		return appendString(dst, string(v)), nil
	case types.Bool:
		return strconv.AppendBool(dst, bool(v)), nil
	case types.Int:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case types.Uint:
		return strconv.AppendUint(dst, uint64(v), 10), nil
	case types.Double:
		return appendFloat(dst, float64(v))
	case types.Null:
		return append(dst, "null"...), nil
	case types.Timestamp:
		return appendTime(dst, v.Time), nil
	case types.Duration:
		return appendFloat(dst, v.Seconds())
	case types.Bytes:
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, v)
		return append(dst, '"'), nil
	case *types.Err:
		return dst, v
	case *types.Optional:
		if !v.HasValue() {
			return dst, errors.New(`an optional without a value inside a list or map; write [?x] or {?"key": x}`)
		}
		return appendValue(dst, v.GetValue(), depth)
	case traits.Mapper:
		return appendMapper(dst, v, depth)
	case traits.Lister:
		return appendLister(dst, v, depth)
	}
	return dst, fmt.Errorf("a %s has no JSON form", v.Type().TypeName())
}

func appendLister(dst []byte, l traits.Lister, depth int) ([]byte, error) {
	switch native := l.Value().(type) {
	case []string:
		return appendList(dst, native, depth)
	case []any:
		return appendList(dst, native, depth)
	case []ref.Val:
		return appendList(dst, native, depth)
	}
	var list []ref.Val
	for it := l.Iterator(); it.HasNext() == types.True; {
		list = append(list, it.Next())
	}
	return appendList(dst, list, depth)
}

// appendMapper writes the keys as text, whatever their type.
func appendMapper(dst []byte, m traits.Mapper, depth int) ([]byte, error) {
	members, err := membersOf(m)
	if err != nil {
		return dst, err
	}
	return appendMap(dst, members, depth)
}

// membersOf returns a map's members by name.
func membersOf(v any) (map[string]any, error) {
	switch v := v.(type) {
	case nil, types.Null:
		return nil, nil
	case map[string]any:
		return v, nil
	case traits.Mapper:
		if native, ok := v.Value().(map[string]any); ok {
			return native, nil
		}
		members := map[string]any{}
		for it := v.Iterator(); it.HasNext() == types.True; {
			key := it.Next()
			name, ok := key.ConvertToType(types.StringType).(types.String)
			if !ok {
				return nil, fmt.Errorf("a map's key is a %s", key.Type().TypeName())
			}
			members[string(name)] = v.Get(key)
		}
		return members, nil
	}
	if m := reflect.ValueOf(v); m.Kind() == reflect.Map && m.Type().Key().Kind() == reflect.String {
		members := map[string]any{}
		for key, value := range m.Seq2() {
			members[key.String()] = value.Interface()
		}
		return members, nil
	}
	return nil, errors.New("not a map")
}

func appendList[T any](dst []byte, list []T, depth int) ([]byte, error) {
	var err error
	dst = append(dst, '[')
	for i := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = appendValue(dst, list[i], depth+1); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

// appendMap sorts the members, so that equal maps make equal JSON.
func appendMap[T any](dst []byte, m map[string]T, depth int) ([]byte, error) {
	var err error
	dst = append(dst, '{')
	for i, name := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, name), ':')
		if dst, err = appendValue(dst, m[name], depth+1); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// appendTime writes ISO 8601 with milliseconds, in UTC; a time that is not set
// is null.
func appendTime(dst []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(dst, "null"...)
	}
	dst = append(dst, '"')
	dst = t.UTC().AppendFormat(dst, isoMillis)
	return append(dst, '"')
}

const isoMillis = "2006-01-02T15:04:05.000Z07:00"

// appendFloat writes a number as encoding/json does. NaN and the infinities
// have no JSON.
func appendFloat(dst []byte, f float64) ([]byte, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return dst, fmt.Errorf("%v is no JSON number", f)
	}
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		return strconv.AppendFloat(dst, f, 'e', -1, 64), nil
	}
	return strconv.AppendFloat(dst, f, 'f', -1, 64), nil
}

func appendNumber(dst []byte, n json.Number) ([]byte, error) {
	if !isNumber(string(n)) {
		return dst, errors.New("not a JSON number")
	}
	return append(dst, n...), nil
}

// appendString writes a JSON string. Bytes that are no UTF-8 become U+FFFD.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		n := 1
		if c >= utf8.RuneSelf {
			var r rune
			if r, n = utf8.DecodeRuneInString(s[i:]); r != utf8.RuneError || n > 1 {
				i += n
				continue
			}
		}
		dst = append(dst, s[start:i]...)
		dst = appendEscape(dst, c)
		i += n
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	if c >= utf8.RuneSelf {
		return append(dst, "\uFFFD"...)
	}
	const hex = "0123456789abcdef"
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}
