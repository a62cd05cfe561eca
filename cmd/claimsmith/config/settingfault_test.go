package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// All that a schema finds wrong is told, also by keywords that no plugin of
// ours has: their schemas grow. Whether anything is wrong at all, another
// validator says too.
func TestSettingFaultsTellAllThatIsWrong(t *testing.T) {
	const defs = `{"$defs": {"name": {"type": "string", "minLength": 2}}, `
	for _, tt := range []struct {
		schema, value string
		want          string // PATH: message; …
	}{
		{`{"type": ["string", "null"], "maxLength": 3}`, `null`, ``},
		{`{"type": ["string", "null"], "maxLength": 3}`, `"four"`, `: is longer than 3 characters`},
		{`{"type": ["string", "null"]}`, `{}`, `: a text or nothing is wanted, not a mapping`},
		{`{"type": "integer"}`, `1.5`, `: an integer is wanted, not a number`},
		{`{"minimum": 1000000, "const": 7}`, `6`, `: is less than 1000000; : is not 7`},
		{`{"allOf": [{"required": ["a"]}, {"required": ["b", "c"]}]}`, `{"c": null}`, `: the key a is missing; : the key b is missing`},
		{`{"dependentRequired": {"a": ["b"], "c": ["d"]}}`, `{"a": null}`, `: a needs b beside it`},
		{`{"dependentSchemas": {"a": {"properties": {"b": false}}}}`, `{"a": 1, "b": 2}`, `["b"]: does not go with what else is there`},
		{`{"patternProperties": {"^x": true}, "properties": {"a": true}, "additionalProperties": false}`, `{"x1": 1, "a": 1, "y": 2, "z": 3}`,
			`["y"]: unknown key "y"; ["z"]: unknown key "z"`},
		{`{"properties": {"a": {"type": "string"}}, "additionalProperties": {"type": "boolean"}}`, `{"a": "", "b": true, "c": []}`,
			`["c"]: true or false is wanted, not a list`},
		{`{"prefixItems": [{"type": "string"}], "items": {"maximum": 3}}`, `["a", 1, 4]`, `["2"]: is more than 3`},
		{`{"uniqueItems": true, "maxItems": 1}`, `[1, 1]`, `: does not fit the schema: uniqueItems; : has more than 1 entries`},
		{`{"contains": {"type": "string"}, "minContains": 2}`, `["a", 1]`, `: does not fit the schema`},
		{`{"properties": {"a": {"maximum": 1}}, "unevaluatedProperties": false}`, `{"a": 2}`, `["a"]: is more than 1`},
		{`{"properties": {"a": true}, "unevaluatedProperties": false}`, `{"b": 2}`, `: does not fit the schema`},
		{`{"if": {"required": ["a"]}, "then": {"required": ["b"]}, "else": {"required": ["c"]}}`, `{"b": 1}`, `: the key c is missing`},
		{`{"if": {"required": ["a"]}, "then": {"required": ["b"]}}`, `{"a": 1}`, `: the key b is missing`},
		{`{"if": {"required": ["a"]}, "then": {"required": ["b"]}}`, `{}`, ``},
		{`{"oneOf": [{"type": "string", "minLength": 2}, {"type": "object", "required": ["a"]}]}`, `"x"`, `: is shorter than 2 characters`},
		{`{"oneOf": [{"type": "string"}, {"type": ["number", "null"]}]}`, `[]`, `: a text or a number or nothing is wanted`},
		{`{"oneOf": [{"type": "string"}, {"maxLength": 3}]}`, `"x"`, `: does not fit the schema`},
		{`{"anyOf": [{"type": "string"}, {"type": "object"}]}`, `"x"`, ``},
		{defs + `"anyOf": [{"$ref": "#/$defs/name"}, {"type": "null"}]}`, `1`, `: a text or nothing is wanted`},
		{defs + `"items": {"anyOf": [{"$ref": "#/$defs/name"}, {"type": "null"}]}}`, `["a", null, "ab"]`, `["0"]: is shorter than 2 characters`},
		{defs + `"propertyNames": {"$ref": "#/$defs/name"}}`, `{"a": 1, "ab": 2}`, `["a"]: the key "a" is shorter than 2 characters`},
	} {
		schema, err := parseSchema([]byte(tt.schema))
		if err != nil {
			t.Fatalf("%s: %v", tt.schema, err)
		}
		var value any
		if err := json.Unmarshal([]byte(tt.value), &value); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range schema.faults(value) {
			got = append(got, fmt.Sprintf("%s: %s", f.path, f.message))
		}
		if diff := cmp.Diff(tt.want, strings.Join(got, "; ")); diff != "" {
			t.Errorf("%s of %s (-want +got):\n%s", tt.value, tt.schema, diff)
		}
		if err := otherVerdict(t, tt.schema, tt.value); (err == nil) != (len(got) == 0) {
			t.Errorf("%s of %s: the other validator says %v", tt.value, tt.schema, err)
		}
	}
}

func otherVerdict(t *testing.T, schema, value string) error {
	t.Helper()
	parse := func(text string) any {
		parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader([]byte(text)))
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", parse(schema)); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled.Validate(parse(value))
}
