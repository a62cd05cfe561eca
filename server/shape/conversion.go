package shape

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// conversions make what a claim is wanted as of what a plugin happens to have:
// a directory has texts alone, and a database the types of its columns. Each
// takes an optional and gives one; null is no value. What cannot be read is an
// error, never a guess.
func conversions() []cel.EnvOption {
	optional := cel.OptionalType(cel.TypeParamType("T"))
	member := func(name string, result *cel.Type, read func(ref.Val) (ref.Val, bool)) cel.EnvOption {
		return cel.Function(name, cel.MemberOverload("optional_"+name, []*cel.Type{optional}, cel.OptionalType(result),
			cel.UnaryBinding(func(v ref.Val) ref.Val {
				o := v.(*types.Optional)
				switch {
				case !o.HasValue() || o.GetValue() == types.NullValue:
					return types.OptionalNone
				case o.GetValue().Type() == result:
					return o
				}
				got, ok := read(o.GetValue())
				if !ok {
					return types.WrapErr(fmt.Errorf("%s cannot read a %s like this", name, o.GetValue().Type().TypeName()))
				}
				return types.OptionalOf(got)
			})))
	}
	return []cel.EnvOption{
		member("asText", cel.StringType, asText),
		member("asNumber", cel.DoubleType, asNumber),
		member("asBool", cel.BoolType, asBool),
		member("asTime", cel.TimestampType, asTime),
	}
}

func asText(v ref.Val) (ref.Val, bool) {
	switch v.(type) {
	case types.Int, types.Uint, types.Double, types.Bool:
		text, ok := v.ConvertToType(types.StringType).(types.String)
		return text, ok
	}
	return nil, false
}

func asNumber(v ref.Val) (ref.Val, bool) {
	switch v := v.(type) {
	case types.Double:
		return v, true
	case types.Int, types.Uint:
		number, ok := v.ConvertToType(types.DoubleType).(types.Double)
		return number, ok
	case types.String:
		text := strings.TrimSpace(string(v))
		number, err := strconv.ParseFloat(text, 64)
		return types.Double(number), err == nil && isNumber(text)
	}
	return nil, false
}

// asBool reads the words for yes and no that directories and databases have; a
// number is yes unless it is 0.
func asBool(v ref.Val) (ref.Val, bool) {
	if text, ok := v.(types.String); ok {
		switch strings.ToLower(strings.TrimSpace(string(text))) {
		case "true", "t", "yes", "y", "on", "1":
			return types.True, true
		case "false", "f", "no", "n", "off", "0", "":
			return types.False, true
		}
		return nil, false
	}
	number, ok := asNumber(v)
	return types.Bool(number != types.Double(0)), ok
}

// firstMilli is the first number that is taken for milliseconds: as seconds it
// is in the year 5138.
const firstMilli = 1e11

// generalized is how directories write times (RFC 4517 section 3.3.13).
const generalized = "20060102150405Z0700"

// asTime reads RFC 3339 and a directory's times; a number is seconds since 1970,
// or milliseconds.
func asTime(v ref.Val) (ref.Val, bool) {
	if number, ok := asNumber(v); ok {
		n := float64(number.(types.Double))
		if math.Abs(n) >= firstMilli {
			n /= 1000
		}
		return types.Timestamp{Time: time.UnixMilli(int64(math.Round(n * 1000))).UTC()}, math.Abs(n) < firstMilli
	}
	text, _ := v.(types.String)
	for _, layout := range []string{time.RFC3339Nano, generalized} {
		if t, err := time.Parse(layout, strings.TrimSpace(string(text))); err == nil {
			return types.Timestamp{Time: t.UTC()}, true
		}
	}
	return nil, false
}
