package strictyaml

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/claimsmith/claimsmith/internal/nearest"
)

// field is a key of a mapping that becomes a struct.
type field struct {
	name  string
	index []int
	rules rules
}

// rules is what a field's jsonschema tag demands.
type rules struct {
	required             bool
	enum                 []string
	pattern              *regexp.Regexp
	minimum, maximum     *float64
	above, below         *float64
	minLength, maxLength *int
	minItems, maxItems   *int
	unique               bool
}

// fieldsOf returns the keys of a struct type, those of inlined structs among
// them. A tag that it does not know is an error: it would demand nothing.
func fieldsOf(t reflect.Type) ([]field, error) {
	var fields []field
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "-" || !f.IsExported() {
			continue
		}
		if f.Type.Kind() == reflect.Struct && (options == "inline" || f.Anonymous && name == "") {
			inner, err := fieldsOf(f.Type)
			if err != nil {
				return nil, err
			}
			for _, in := range inner {
				in.index = append([]int{i}, in.index...)
				fields = append(fields, in)
			}
			continue
		}
		if name == "" {
			return nil, fmt.Errorf("%v.%s has no yaml tag", t, f.Name)
		}
		r, err := parseRules(f.Tag.Get("jsonschema"))
		if err != nil {
			return nil, fmt.Errorf("%v.%s: %w", t, f.Name, err)
		}
		fields = append(fields, field{name: name, index: []int{i}, rules: r})
	}
	return fields, nil
}

var unescapedComma = regexp.MustCompile(`(?:[^,\\]|\\.)+`)

func parseRules(tag string) (rules, error) {
	var r rules
	for _, item := range unescapedComma.FindAllString(tag, -1) {
		key, value, _ := strings.Cut(strings.ReplaceAll(item, `\,`, ","), "=")
		var err error
		switch key {
		case "required":
			r.required = true
		case "enum":
			r.enum = append(r.enum, value)
		case "pattern":
			r.pattern, err = regexp.Compile(value)
		case "minimum":
			r.minimum, err = parseFloat(value)
		case "maximum":
			r.maximum, err = parseFloat(value)
		case "exclusiveMinimum":
			r.above, err = parseFloat(value)
		case "exclusiveMaximum":
			r.below, err = parseFloat(value)
		case "minLength":
			r.minLength, err = parseInt(value)
		case "maxLength":
			r.maxLength, err = parseInt(value)
		case "minItems":
			r.minItems, err = parseInt(value)
		case "maxItems":
			r.maxItems, err = parseInt(value)
		case "uniqueItems":
			r.unique = true
		case "title", "description", "default", "example", "format":
		default:
			err = fmt.Errorf("unknown jsonschema keyword %q", key)
		}
		if err != nil {
			return rules{}, err
		}
	}
	return r, nil
}

func parseFloat(s string) (*float64, error) {
	f, err := strconv.ParseFloat(s, 64)
	return &f, err
}

func parseInt(s string) (*int, error) {
	n, err := strconv.Atoi(s)
	return &n, err
}

// checkText returns what is wrong with a text, and a hint.
func (r rules) checkText(s string) (message, hint string) {
	n := utf8.RuneCountInString(s)
	switch {
	case len(r.enum) > 0 && !slices.Contains(r.enum, s):
		if near := nearest.Name(s, r.enum); near != "" {
			hint = "did you mean " + near + "?"
		}
		return "is not one of " + strings.Join(r.enum, ", "), hint
	case r.minLength != nil && n < *r.minLength:
		if n == 0 {
			return "is empty", ""
		}
		return fmt.Sprintf("is shorter than %d characters", *r.minLength), ""
	case r.maxLength != nil && n > *r.maxLength:
		return fmt.Sprintf("is longer than %d characters", *r.maxLength), ""
	case r.pattern != nil && !r.pattern.MatchString(s):
		return "does not match " + r.pattern.String(), r.remedy(s)
	}
	return "", ""
}

// remedy returns the one change that makes a text match, "" where none does.
func (r *rules) remedy(s string) string {
	for _, try := range []struct{ change, text string }{
		{"write it in lower case", strings.ToLower(s)},
		{"begin it with a slash", "/" + s},
		{"leave the slash at the end out", strings.TrimSuffix(s, "/")},
		{"begin it with a slash, and leave that at the end out", "/" + strings.TrimSuffix(s, "/")},
	} {
		if r.pattern.MatchString(try.text) {
			return try.change
		}
	}
	return ""
}

// checkNumber returns what is wrong with a number; written is how it stands in
// the text.
func (r rules) checkNumber(f float64, written string) string {
	switch {
	case len(r.enum) > 0 && !slices.Contains(r.enum, written):
		return "is not one of " + strings.Join(r.enum, ", ")
	case r.minimum != nil && f < *r.minimum:
		return fmt.Sprintf("is less than %v", *r.minimum)
	case r.maximum != nil && f > *r.maximum:
		return fmt.Sprintf("is more than %v", *r.maximum)
	case r.above != nil && f <= *r.above:
		return fmt.Sprintf("is not more than %v", *r.above)
	case r.below != nil && f >= *r.below:
		return fmt.Sprintf("is not less than %v", *r.below)
	}
	return ""
}

// checkItems returns what is wrong with a list's length.
func (r rules) checkItems(n int) string {
	switch {
	case r.minItems != nil && n < *r.minItems:
		if n == 0 {
			return "the list is empty"
		}
		return fmt.Sprintf("fewer than %d items", *r.minItems)
	case r.maxItems != nil && n > *r.maxItems:
		return fmt.Sprintf("more than %d items", *r.maxItems)
	}
	return ""
}
