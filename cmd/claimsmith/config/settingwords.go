package config

import (
	"fmt"
	"strings"
)

// faultsInWords says what is wrong where a value does not fit one keyword.
func faultsInWords(keyword string, argument, value any, path string) []settingFault {
	one := func(format string, args ...any) []settingFault {
		return []settingFault{{path, fmt.Sprintf(format, args...)}}
	}
	entries, _ := value.(map[string]any)
	switch keyword {
	case "required":
		return one("the key %s is missing", missing(entries, argument))
	case "dependentRequired":
		var faults []settingFault
		for name, needed := range argument.(map[string]any) {
			_, present := entries[name]
			if absent := missing(entries, needed); present && absent != "" {
				faults = append(faults, one("%s needs %s beside it", name, absent)...)
			}
		}
		return faults
	case "type":
		return one("%s is wanted, not %s", inWords(severally(argument)), inWords([]any{typeOf(value)}))
	case "enum":
		return one("is not one of %s", strings.Trim(fmt.Sprint(argument), "[]"))
	}
	if format, ok := limitWords[keyword]; ok {
		return one(format, argument)
	}
	return one("does not fit the schema: %s", keyword)
}

// limitWords says what is wrong where a value goes beyond the argument of a keyword.
var limitWords = map[string]string{
	"const":     "is not %v",
	"minLength": "is shorter than %v characters",
	"maxLength": "is longer than %v characters",
	"minItems":  "has fewer than %v entries",
	"maxItems":  "has more than %v entries",
	"minimum":   "is less than %v",
	"maximum":   "is more than %v",
	"pattern":   "does not match %v",
}

// missing lists those of the names that there is no entry of.
func missing(entries map[string]any, names any) string {
	var absent []string
	for _, name := range names.([]any) {
		if _, ok := entries[name.(string)]; !ok {
			absent = append(absent, name.(string))
		}
	}
	return strings.Join(absent, ", ")
}

// typeWords is how types are called elsewhere in this package.
var typeWords = map[any]string{
	"string": "a text", "number": "a number", "integer": "an integer", "boolean": "true or false",
	"array": "a list", "object": "a mapping", "null": "nothing",
}

func inWords(types []any) string {
	var words []string
	for _, t := range types {
		words = append(words, typeWords[t])
	}
	return strings.Join(words, " or ")
}

// severally is what a keyword names that takes one or several.
func severally(argument any) []any {
	if several, ok := argument.([]any); ok {
		return several
	}
	return []any{argument}
}

// typeOf is what JSON Schema calls the type of a value; it calls no number an integer.
func typeOf(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case float64:
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	}
	return "object"
}

// locate is the place, as strictyaml writes it, of an entry of what is at path.
func locate(path, entry string) string { return fmt.Sprintf(`%s["%s"]`, path, entry) }
