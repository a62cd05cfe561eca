package ldap

import (
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/invopop/jsonschema"
)

var update = flag.Bool("update", false, "write config.schema.json anew")

// The schema is made of Config and its comments by
// go test -run TestSchemaTellsWhatConfigTells -update.
func TestSchemaTellsWhatConfigTells(t *testing.T) {
	r := &jsonschema.Reflector{ExpandedStruct: true, DoNotReference: true, Mapper: func(t reflect.Type) *jsonschema.Schema {
		if t == reflect.TypeFor[Duration]() {
			return &jsonschema.Schema{Type: "string", Pattern: `^([0-9.]+(ns|us|µs|ms|s|m|h))+$`}
		}
		return nil
	}}
	if err := r.AddGoComments("github.com/claimsmith/claimsmith/plugins/ldap", "."); err != nil {
		t.Fatal(err)
	}
	for name, comment := range r.CommentMap {
		r.CommentMap[name] = strings.ReplaceAll(comment, "\n", " ")
	}
	s := r.Reflect(&Config{})
	s.ID = ""
	want, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if *update {
		if err := os.WriteFile("config.schema.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("config.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("config.schema.json is not what Config says (-want +got); run with -update:\n%s", diff)
	}
}
