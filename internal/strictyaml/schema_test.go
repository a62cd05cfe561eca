package strictyaml_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/internal/strictyaml"
	"github.com/goccy/go-yaml/parser"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func schemaOf(t testing.TB) (text []byte, compiled *jsonschema.Schema) {
	t.Helper()
	source, err := os.ReadFile("decode_test.go")
	if err != nil {
		t.Fatal(err)
	}
	text, err = strictyaml.Schema(&config{}, "https://claimsmith.example/config.schema.json", source)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("config.json", doc); err != nil {
		t.Fatal(err)
	}
	if compiled, err = compiler.Compile("config.json"); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return text, compiled
}

// The schema and the decoder agree on which documents are right, but for what
// a schema cannot see.
func TestSchemaAgreesWithDecode(t *testing.T) {
	_, schema := schemaOf(t)
	documents := []string{
		"listen: x", "listen: x\nwait: 30d\nratio: 1\nlevel: 1\nissuers: [{url: a}]", "listen: x\nplugins: {x: {timeout: 1h, config: {any: [1]}}}",
		"listen: x\nextra: {a: [1, b]}\nlog: {format: text}", "{}", "listen: ''", "listen: 1", "listen: x\nlog: {format: xml}",
		"listen: x\nissuers: []", "listen: x\nissuers: [{chain: [a]}]", "listen: x\nissuers: [{url: a, chain: [A]}]", "listen: x\nissuers: [{url: a, chain: [a, a]}]",
		"listen: x\nratio: 2", "listen: x\nlevel: 3", "listen: x\nwait: soon", "listen: x\nwait: 5", "listen: x\nname: UPPER", "listen: x\nunknown: 1",
		"listen: x\nlabels: {a: 1}", "listen: x\ndebug: maybe", "listen: x\ntls: {cert: a}", "listen: x\nplugins: {x: {timout: 1s}}", "listen: x\nlog: [a]",
	}
	for _, text := range documents {
		_, err := strictyaml.Decode("c.yaml", []byte(text), &config{})
		file, parseErr := parser.ParseBytes([]byte(text), 0)
		if parseErr != nil {
			t.Fatal(parseErr)
		}
		asJSON, marshalErr := json.Marshal(strictyaml.Value(file.Docs[0].Body))
		if marshalErr != nil {
			t.Fatal(marshalErr)
		}
		value, _ := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
		schemaErr := schema.Validate(value)
		if (err == nil) != (schemaErr == nil) {
			t.Errorf("%s\ndecoder: %v\nschema: %v", text, err, schemaErr)
		}
	}
}

func TestSchemaDescribes(t *testing.T) {
	text, _ := schemaOf(t)
	for _, want := range []string{
		`"$id": "https://claimsmith.example/config.schema.json"`,
		`"description": "config has a field of every sort."`,
		`"description": "Listen is the address to listen on."`,
		`"description": "a text, or where one is"`,
		`"additionalProperties": false`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
}

// No fault shows what may be a secret.
func TestFaultsHoldNoSecrets(t *testing.T) {
	for _, file := range []string{"secrets.txt", "secrets2.txt", "broken.txt"} {
		text, err := os.ReadFile(filepath.Join("testdata/faults", file))
		if err != nil {
			t.Fatal(err)
		}
		_, printed, _ := strings.Cut(string(text), "-----\n")
		for _, secret := range []string{"unter2", "12345"} {
			if strings.Contains(printed, secret) {
				t.Errorf("%s shows %s:\n%s", file, secret, printed)
			}
		}
	}
}
