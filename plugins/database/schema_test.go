package database_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/claimsmith/claimsmith/plugins/database"
)

func TestSchemaSaysWhatConfigureTakes(t *testing.T) {
	text := database.New().Describe().Schema
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	properties := document.(map[string]any)["properties"].(map[string]any)
	config := reflect.TypeFor[database.Config]()
	for i := range config.NumField() {
		if key := config.Field(i).Tag.Get("json"); properties[key] == nil {
			t.Errorf("the schema lacks %s", key)
		}
	}
	if len(properties) != config.NumField() {
		t.Errorf("the schema has %d properties, the configuration %d keys", len(properties), config.NumField())
	}

	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	good, _ := json.Marshal(legacyConfig("sqlite:x"))
	for text, want := range map[string]bool{
		string(good):         true,
		`{"url":"sqlite:x"}`: true,
		`{"url":"sqlite:x","users":true,"queue":5}`: true,
		`{}`:                                 false,
		`{"url":"sqlite:x","urll":1}`:        false,
		`{"url":"sqlite:x","allow":["md4"]}`: false,
		`{"url":"sqlite:x","columns":{"sub":"x"}}`:        false,
		`{"url":"sqlite:x","claims":{"a":{"as":"x"}}}`:    false,
		`{"url":"sqlite:x","claims":{"a":{"b":"c"}}}`:     false,
		`{"url":"sqlite:x","max_conns":-1,"query":"q"}`:   false,
		`{"url":"sqlite:x","password":{"secret":"text"}}`: false,
	} {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}
