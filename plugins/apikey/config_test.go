package apikey

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestConfigurationsThatAreRefused(t *testing.T) {
	const service = `"verify_url":"https://k.example/v"`
	for text, want := range map[string]string{
		`{}`:                                   "url",
		`{"url":"sqlite:x","urll":1}`:          `unknown field "urll"`,
		`{"url":"sqlite:x"}{}`:                 "more than one JSON value",
		`{"url":"sqlite:x","max_conns":-1}`:    "max_conns",
		`{"url":"oracle://x"}`:                 "sqlite:, postgres:// and mysql://",
		`{"url":"sqlite:x",` + service + `}`:   "give one of the two",
		`{"url":"sqlite:x","cache":"1m"}`:      "verify_url: is missing",
		`{"verify_url":"k.example"}`:           "must be a URL",
		`{"verify_url":"https://k.example#x"}`: "must be a URL",
		`{"verify_url":"ftp://k.example"}`:     "must be a URL",
		`{"verify_url":"https://u:hunter2@k"}`: "belong in username and password",
		`{"verify_url":"http://k.example/v"}`:  "would send keys unencrypted",
		`{` + service + `,"bearer_token":"hunter2","username":"u","password":"hunter2"}`: "one credential",
		`{` + service + `,"password":"hunter2"}`:                                         "go together",
		`{` + service + `,"username":"u"}`:                                               "go together",
		`{` + service + `,"client_key":"k"}`:                                             "go together",
		`{` + service + `,"client_key":"k","client_certificate":"/no/such"}`:             "no such file",
		`{` + service + `,"ca":"/no/such"}`:                                              "ca: open /no/such",
		`{` + service + `,"ca":"config_test.go"}`:                                        "no PEM certificate",
		`{` + service + `,"cache":"-1s"}`:                                                "no duration",
		`{` + service + `,"cache_keys":-1}`:                                              "cache_keys",
	} {
		err := New().Configure(t.Context(), json.RawMessage(text))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// What Config reads stands in the schema, and nothing else does.
func TestSchemaNamesEveryKey(t *testing.T) {
	var schema struct {
		Properties map[string]struct{ Description string }
	}
	if err := json.Unmarshal(New().Describe().Schema, &schema); err != nil {
		t.Fatal(err)
	}
	config := reflect.TypeFor[Config]()
	for i := range config.NumField() {
		name := config.Field(i).Tag.Get("json")
		if schema.Properties[name].Description == "" {
			t.Errorf("the schema does not describe %s", name)
		}
	}
	if len(schema.Properties) != config.NumField() {
		t.Errorf("the schema has %d keys, Config %d", len(schema.Properties), config.NumField())
	}
}
