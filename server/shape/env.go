package shape

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/ext"

	"github.com/claimsmith/claimsmith/internal/nearest"
)

// The bounds of a shape. What exceeds them is a fault when it is compiled.
const (
	MaxText       = 64 << 10 // bytes of YAML, for CompileText
	MaxDepth      = 16       // mappings and sequences within each other
	MaxNodes      = 1000     // scalars, mappings and sequences
	MaxExpression = 1000     // characters of one ${}

	// MaxCost bounds one expression in CEL's units of work, about 50 ns each:
	// estimated when it is compiled, for strings of up to 256 characters and
	// lists and maps of up to 256 members, and counted while it runs.
	MaxCost = 200_000
	// MaxTotalCost bounds the estimates of all expressions of a shape together.
	MaxTotalCost = 1_000_000
)

// Env holds the variables that expressions may name: the fields of the struct
// type V, by their json names. A variable is a string, bool, number,
// time.Time, time.Duration, encoding.TextMarshaler (its text), a slice or a map
// by string of these, an any, or a struct or pointer to a struct of these.
// A nil pointer reads as a struct with nothing set. Reflection over V happens
// once, in NewEnv.
//
// Besides CEL's own operators and functions (size, contains, startsWith,
// matches, int, double, string, timestamp, duration, has, all, exists, map,
// filter, …) an expression has optional values ([?'key'], .?key, orValue), the
// extensions strings, lists, sets and base64, comprehensions with two
// variables (transformMap and relatives), orNull, for times unix, unixMilli and
// iso, and for an optional of whatever type a plugin sent asText, asNumber,
// asBool and asTime:
//
//	'Ada'.upperAscii()                                   → "ADA"
//	'a,b'.split(',')                                     → ["a","b"]
//	['a', 'b'].join(' ')                                 → "a b"
//	' a '.trim().replace('a', 'b')                       → "b"
//	[3, 1, 3].distinct().sort()                          → [1,3]
//	sets.intersects(['a', 'b'], ['b'])                   → true
//	base64.encode(b'hello')                              → "aGVsbG8="
//	{'a': 1}[?'b'].orValue(0)                            → 0
//	{'a': 1}[?'b'].orNull()                              → null
//	{'a': 7}[?'a'].asText().orValue('')                  → "7"
//	{'a': '480'}[?'a'].asNumber().orValue(0.0)           → 480
//	{'a': 'FALSE'}[?'a'].asBool().orValue(true)          → false
//	{'a': null}[?'a'].asBool().orValue(true)             → true
//	{'a': 1412236405361}[?'a'].asTime()                  → "2014-10-02T07:53:25.361Z"
//	{'a': '20141002075325Z'}[?'a'].asTime()              → "2014-10-02T07:53:25.000Z"
//	['a', 'b'].filter(g, g != 'a').map(g, g + '!')       → ["b!"]
//	['n', 's'].transformMapEntry(i, u, {u: {'id': i}})   → {"n":{"id":0},"s":{"id":1}}
//	timestamp('2014-10-02T07:53:25.361Z').unix()         → 1412236405
//	string(timestamp('2014-10-02T07:53:25.361Z').unix()) → "1412236405"
//	timestamp('2014-10-02T07:53:25.361Z').unixMilli()    → 1412236405361
//	timestamp('2014-10-02T07:53:25.361Z').iso()          → "2014-10-02T07:53:25.361Z"
//	timestamp('2014-10-02T07:53:25Z') - duration('120s') → "2014-10-02T07:51:25.000Z"
//
// Strings of more than 4 KiB and lists or maps of more than 4096 members cannot
// be computed with, though a plain path may give them.
type Env[V any] struct{ *environment }

type environment struct {
	cel       *cel.Env
	variables *object // V itself
	objects   map[string]*object
	functions []string
}

// NewEnv returns the Env of a struct type. It fails where V is no struct or a
// field has a type that expressions have no use for; tag such fields `json:"-"`.
func NewEnv[V any]() (*Env[V], error) {
	t := reflect.TypeFor[V]()
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("make shape variables: %v is no struct", t)
	}
	variables, err := newObject("", t, 0)
	if err != nil {
		return nil, fmt.Errorf("make shape variables: %w", err)
	}
	objects := map[string]*object{}
	variables.collect(objects)
	env, err := newCEL(variables, objects)
	if err != nil {
		return nil, fmt.Errorf("make shape variables: %w", err)
	}
	return &Env[V]{&environment{cel: env, variables: variables, objects: objects, functions: functionNames(env)}}, nil
}

func newCEL(variables *object, objects map[string]*object) (*cel.Env, error) {
	options := []cel.EnvOption{
		cel.StdLib(), cel.OptionalTypes(), cel.EnableMacroCallTracking(),
		ext.Strings(), ext.Lists(ext.ListsMaxRangeSize(maxMembers)), ext.Sets(),
		ext.Encoders(ext.EncodersVersion(0)), ext.TwoVarComprehensions(),
		cel.ParserExpressionSizeLimit(MaxExpression), cel.ParserRecursionLimit(50),
		cel.RegexProgramSizeLimit(1000), cel.CostModelVersion(1),
	}
	options = append(options, functions()...)
	for _, name := range variables.names {
		options = append(options, cel.Variable(name, variables.fields[name].typ))
	}
	return cel.NewCustomEnv(append(options, withObjects(objects))...)
}

// withObjects comes last: the options before it register types of their own.
func withObjects(objects map[string]*object) cel.EnvOption {
	return func(env *cel.Env) (*cel.Env, error) {
		p := &provider{Provider: env.CELTypeProvider(), objects: objects}
		env, err := cel.CustomTypeProvider(p)(env)
		if err != nil {
			return nil, err
		}
		return cel.CustomTypeAdapter(&adapter{base: env.CELTypeAdapter()})(env)
	}
}

// functionNames returns what a misspelt function may have meant.
func functionNames(env *cel.Env) []string {
	var names []string
	for name := range env.Functions() {
		if isWord(rune(name[0])) && name[0] != '_' {
			names = append(names, name)
		}
	}
	for _, m := range env.Macros() {
		names = append(names, m.Function())
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// suggest returns the hint for a misspelt name; prefix is what stands before it.
func suggest(prefix, name string, candidates []string) string {
	if name = nearest.Name(name, candidates); name != "" {
		return "did you mean " + prefix + name + "?"
	}
	if len(candidates) <= 20 {
		return "there are " + strings.Join(candidates, ", ")
	}
	return ""
}
