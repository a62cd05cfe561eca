package config

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/claimsmith/claimsmith/plugins/apikey"
	"github.com/claimsmith/claimsmith/plugins/database"
	"github.com/claimsmith/claimsmith/plugins/ldap"
	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// Builtin makes the plugins that are part of this program, by name.
var Builtin = map[string]func() sdk.Authenticator{
	"apikey":   func() sdk.Authenticator { return apikey.New() },
	"database": func() sdk.Authenticator { return database.New() },
	"ldap":     func() sdk.Authenticator { return ldap.New() },
}

// PluginSchema returns the JSON Schema of a built-in plugin's configuration, or
// nil where there is no such plugin.
func PluginSchema(name string) []byte {
	newPlugin, ok := Builtin[name]
	if !ok {
		return nil
	}
	d, ok := newPlugin().(sdk.Describer)
	if !ok {
		return nil
	}
	return d.Describe().Schema
}

// checkSettings holds the configuration of a built-in plugin to its JSON
// Schema. A plugin's own program checks what it is given when it starts.
func (c *checker) checkSettings(path string, p Plugin) {
	text := PluginSchema(p.Use)
	if text == nil || p.settings.json == nil {
		return
	}
	schema, err := compileSchema(text)
	if err != nil {
		panic(fmt.Sprintf("schema of plugin %s: %v", p.Use, err)) // a fault of this program
	}
	settings, err := jsonschema.UnmarshalJSON(bytes.NewReader(p.settings.json))
	if err != nil {
		c.doc.Fault(path, "not representable as JSON", "")
		return
	}
	if wrong, ok := schema.Validate(settings).(*jsonschema.ValidationError); ok {
		for _, f := range settingFaults(wrong) {
			c.doc.Fault(path+f.path, f.message, "see claimsmith plugin serve "+p.Use+" --schema")
		}
	}
}

func compileSchema(text []byte) (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("plugin.json", doc); err != nil {
		return nil, err
	}
	return c.Compile("plugin.json")
}

// settingFault is one thing that a schema finds wrong. Its message never holds
// a value, which may be a secret.
type settingFault struct{ path, message string }

// settingFaults returns what is wrong at the leaves of an error. Of
// alternatives those count that are meant: of the type that the value has.
func settingFaults(e *jsonschema.ValidationError) []settingFault {
	causes := e.Causes
	switch e.ErrorKind.(type) {
	case *kind.OneOf, *kind.AnyOf:
		meant := slices.DeleteFunc(slices.Clone(causes), func(cause *jsonschema.ValidationError) bool {
			return wrongType(cause, len(e.InstanceLocation))
		})
		if len(meant) == 0 {
			return []settingFault{{locate(e.InstanceLocation), inWords(wantedTypes(causes)...) + " is wanted"}}
		}
		causes = meant
	}
	if len(causes) == 0 {
		return faultsOfKind(e)
	}
	var faults []settingFault
	for _, cause := range causes {
		faults = append(faults, settingFaults(cause)...)
	}
	slices.SortStableFunc(faults, func(a, b settingFault) int {
		return cmp.Or(strings.Compare(a.path, b.path), strings.Compare(a.message, b.message))
	})
	return slices.Compact(faults)
}

// wrongType tells whether the value itself, depth steps in, is of another type.
func wrongType(e *jsonschema.ValidationError, depth int) bool {
	if _, ok := e.ErrorKind.(*kind.Type); ok && len(e.InstanceLocation) == depth {
		return true
	}
	return slices.ContainsFunc(e.Causes, func(cause *jsonschema.ValidationError) bool { return wrongType(cause, depth) })
}

func wantedTypes(list []*jsonschema.ValidationError) (types []string) {
	for _, e := range list {
		if k, ok := e.ErrorKind.(*kind.Type); ok {
			types = append(types, k.Want...)
		}
		types = append(types, wantedTypes(e.Causes)...)
	}
	return types
}

func faultsOfKind(e *jsonschema.ValidationError) []settingFault {
	path := locate(e.InstanceLocation)
	one := func(format string, args ...any) []settingFault {
		return []settingFault{{path, fmt.Sprintf(format, args...)}}
	}
	switch k := e.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		var faults []settingFault
		for _, name := range k.Properties {
			faults = append(faults, settingFault{path + locate([]string{name}), fmt.Sprintf("unknown key %q", name)})
		}
		return faults
	case *kind.Required:
		return one("the key %s is missing", strings.Join(k.Missing, ", "))
	case *kind.DependentRequired:
		return one("%s needs %s beside it", k.Prop, strings.Join(k.Missing, ", "))
	case *kind.FalseSchema:
		return one("does not go with what else is there")
	case *kind.Type:
		return one("%s is wanted, not %s", inWords(k.Want...), inWords(k.Got))
	case *kind.Enum:
		return one("is not one of %s", strings.Trim(fmt.Sprint(k.Want), "[]"))
	case *kind.MinLength:
		return one("is shorter than %d characters", k.Want)
	case *kind.MinItems:
		return one("has fewer than %d entries", k.Want)
	case *kind.Minimum:
		return one("is less than %s", k.Want.RatString())
	case *kind.Maximum:
		return one("is more than %s", k.Want.RatString())
	case *kind.Pattern:
		return one("does not match %s", k.Want)
	}
	return one("does not fit the schema: %s", strings.Join(e.ErrorKind.KeywordPath(), " "))
}

// typeWords is how types are called elsewhere in this package.
var typeWords = map[string]string{
	"string": "a text", "number": "a number", "integer": "an integer", "boolean": "true or false",
	"array": "a list", "object": "a mapping", "null": "nothing",
}

func inWords(types ...string) string {
	var words []string
	for _, t := range types {
		words = append(words, cmp.Or(typeWords[t], t))
	}
	return strings.Join(words, " or ")
}

// locate turns the steps to a value into a path of strictyaml.
func locate(steps []string) string {
	var b strings.Builder
	for _, step := range steps {
		fmt.Fprintf(&b, `["%s"]`, step)
	}
	return b.String()
}
