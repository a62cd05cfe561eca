package config

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
)

// settingSchema is a JSON Schema that says of a value not only that it does not
// fit, but all that is wrong, and where. The library says whether a value fits
// a schema, and nothing that could be shown: of the first fault, with the value.
// So it is asked about each keyword alone.
type settingSchema struct{ root map[string]any }

// settingFault is one thing that a schema finds wrong. Its message never holds
// a value, which may be a secret.
type settingFault struct{ path, message string }

// parseSchema reads a schema whose references lead to its $defs.
func parseSchema(text []byte) (settingSchema, error) {
	var s settingSchema
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // to be told as it is written
	return s, d.Decode(&s.root)
}

// fits tells whether a value fits a part of the schema. It panics where that is
// no schema, which is a fault of this program.
func (s settingSchema) fits(part, value any) bool {
	text, err := json.Marshal(map[string]any{"$defs": s.root["$defs"], "allOf": []any{part}})
	if err != nil {
		panic(fmt.Sprintf("write schema: %v", err))
	}
	var schema jsonschema.Schema
	if err := json.Unmarshal(text, &schema); err != nil {
		panic(fmt.Sprintf("read schema: %v", err))
	}
	resolved, err := schema.Resolve(nil)
	if err != nil {
		panic(fmt.Sprintf("resolve schema: %v", err))
	}
	return resolved.Validate(value) == nil
}

// faults returns what is wrong with a value, in the order of places.
func (s settingSchema) faults(value any) []settingFault {
	faults := s.explain(s.root, value, "")
	slices.SortStableFunc(faults, func(a, b settingFault) int {
		return cmp.Or(strings.Compare(a.path, b.path), strings.Compare(a.message, b.message))
	})
	return slices.Compact(faults)
}

// explain returns at least one fault of a value that does not fit, and none of
// one that fits.
func (s settingSchema) explain(part, value any, path string) (faults []settingFault) {
	if s.fits(part, value) {
		return nil
	}
	schema, ok := part.(map[string]any)
	if !ok { // it is false
		return []settingFault{{path, "does not go with what else is there"}}
	}
	for _, keyword := range slices.Sorted(maps.Keys(schema)) {
		faults = append(faults, s.faultsOf(keyword, schema, value, path)...)
	}
	if len(faults) == 0 {
		return []settingFault{{path, "does not fit the schema"}}
	}
	return faults
}

// faultsOf returns what one keyword of a schema finds wrong. Those that apply
// further schemas are followed; the library judges all others.
func (s settingSchema) faultsOf(keyword string, schema map[string]any, value any, path string) (faults []settingFault) {
	argument := schema[keyword]
	entries, _ := value.(map[string]any)
	items, _ := value.([]any)
	switch keyword {
	case "$ref":
		return s.explain(s.target(schema), value, path)
	case "allOf":
		for _, part := range argument.([]any) {
			faults = append(faults, s.explain(part, value, path)...)
		}
	case "anyOf", "oneOf":
		return s.faultsOfMeant(argument.([]any), value, path)
	case "if":
		return s.faultsOfBranch(schema, value, path)
	case "properties", "dependentSchemas":
		for name, part := range argument.(map[string]any) {
			entry, present := entries[name]
			switch {
			case present && keyword == "properties":
				faults = append(faults, s.explain(part, entry, locate(path, name))...)
			case present:
				faults = append(faults, s.explain(part, value, path)...)
			}
		}
	case "additionalProperties":
		return s.faultsOfAdditional(schema, entries, path)
	case "propertyNames":
		for name := range entries {
			for _, f := range s.explain(argument, name, locate(path, name)) {
				faults = append(faults, settingFault{f.path, fmt.Sprintf("the key %q %s", name, f.message)})
			}
		}
	case "items":
		before, _ := schema["prefixItems"].([]any) // they have schemas of their own
		for i := len(before); i < len(items); i++ {
			faults = append(faults, s.explain(argument, items[i], locate(path, fmt.Sprint(i)))...)
		}
	case "then", "else", "unevaluatedItems", "unevaluatedProperties": // mean nothing alone
	default:
		if !s.fits(map[string]any{keyword: argument}, value) {
			return faultsInWords(keyword, argument, value, path)
		}
	}
	return faults
}

// faultsOfMeant returns what the alternatives find wrong that are meant: of the
// type that the value has.
func (s settingSchema) faultsOfMeant(alternatives []any, value any, path string) (faults []settingFault) {
	var types []any
	for _, part := range alternatives {
		schema, _ := part.(map[string]any)
		if schema["$ref"] != nil {
			schema = s.target(schema)
		}
		wanted, typed := schema["type"]
		if typed && !s.fits(map[string]any{"type": wanted}, value) {
			types = append(types, severally(wanted)...)
			continue
		}
		faults = append(faults, s.explain(part, value, path)...)
	}
	if len(types) > 0 && len(faults) == 0 && !s.fits(map[string]any{"anyOf": alternatives}, value) {
		return []settingFault{{path, inWords(types) + " is wanted"}}
	}
	return faults
}

func (s settingSchema) faultsOfBranch(schema map[string]any, value any, path string) []settingFault {
	branch, ok := schema["else"]
	if s.fits(schema["if"], value) {
		branch, ok = schema["then"]
	}
	if !ok {
		return nil
	}
	return s.explain(branch, value, path)
}

func (s settingSchema) faultsOfAdditional(schema, entries map[string]any, path string) (faults []settingFault) {
	for name, entry := range entries {
		alone := map[string]any{"additionalProperties": false}
		for _, beside := range []string{"properties", "patternProperties"} {
			if argument, ok := schema[beside].(map[string]any); ok {
				alone[beside] = anything(argument)
			}
		}
		switch part := schema["additionalProperties"]; {
		case s.fits(alone, map[string]any{name: entry}):
		case part == false:
			faults = append(faults, settingFault{locate(path, name), fmt.Sprintf("unknown key %q", name)})
		default:
			faults = append(faults, s.explain(part, entry, locate(path, name))...)
		}
	}
	return faults
}

// anything has each of some names, which then may have any value.
func anything(named map[string]any) map[string]any {
	named = maps.Clone(named)
	for name := range named {
		named[name] = true
	}
	return named
}

// target is what the reference of a schema leads to.
func (s settingSchema) target(schema map[string]any) map[string]any {
	name, ok := strings.CutPrefix(schema["$ref"].(string), "#/$defs/")
	target, found := s.root["$defs"].(map[string]any)[name].(map[string]any)
	if !ok || !found {
		panic(fmt.Sprintf("reference to %v", schema["$ref"])) // a fault of this program
	}
	return target
}
