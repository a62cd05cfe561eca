package shape

import (
	"errors"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

var errUnset = errors.New("the time is not set")

// functions are those that CEL has not. Of a time that is not set unix,
// unixMilli and iso have no value.
func functions() []cel.EnvOption {
	member := func(name string, result *cel.Type, f func(time.Time) ref.Val) cel.EnvOption {
		return cel.Function(name, cel.MemberOverload("timestamp_"+name, []*cel.Type{cel.TimestampType}, result,
			cel.UnaryBinding(func(v ref.Val) ref.Val {
				t := v.(types.Timestamp)
				if t.IsZero() {
					return types.WrapErr(errUnset)
				}
				return f(t.Time)
			})))
	}
	return append(conversions(),
		orNull,
		member("unix", cel.IntType, func(t time.Time) ref.Val { return types.Int(t.Unix()) }),
		member("unixMilli", cel.IntType, func(t time.Time) ref.Val { return types.Int(t.UnixMilli()) }),
		member("iso", cel.StringType, func(t time.Time) ref.Val { return types.String(t.UTC().Format(isoMillis)) }),
	)
}

// orNull gives an optional's value or null; orValue(null) fits no type.
var orNull = cel.Function("orNull", cel.MemberOverload("optional_or_null",
	[]*cel.Type{cel.OptionalType(cel.TypeParamType("T"))}, cel.DynType,
	cel.UnaryBinding(func(v ref.Val) ref.Val {
		if o := v.(*types.Optional); o.HasValue() {
			return o.GetValue()
		}
		return types.NullValue
	})))
