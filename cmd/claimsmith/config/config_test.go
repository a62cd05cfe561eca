package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

const example = "../../../examples/claimsmith.yaml"

// newDir makes a directory with a master key and files of the given texts.
func newDir(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("master.key", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n")
	for name, text := range files {
		write(name, text)
	}
	return dir
}

func TestTheExampleLoads(t *testing.T) {
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PORTAL_SECRET", "s3cret")
	dir := newDir(t, map[string]string{"claimsmith.yaml": string(text)})
	c, err := Load(filepath.Join(dir, "claimsmith.yaml"), "")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.SQL().URL, "sqlite:"+filepath.Join(dir, "claimsmith.db"); got != want {
		t.Errorf("storage at %s, want %s", got, want)
	}
	clients := c.Issuers[0].StaticClients()
	if len(clients["portal"].Secrets) != 1 || len(clients["app"].Secrets) != 0 {
		t.Errorf("clients %v", clients)
	}
	shown, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(shown, []byte("s3cret")) {
		t.Error("config show prints a secret")
	}
	again := newDir(t, map[string]string{"claimsmith.yaml": string(shown)})
	if _, err := Load(filepath.Join(again, "claimsmith.yaml"), ""); err != nil {
		t.Errorf("what config show prints does not load: %v\n%s", err, shown)
	}
}

// TestTheExampleShowsEveryKey reads the commented parts as well.
func TestTheExampleShowsEveryKey(t *testing.T) {
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	schema, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	var root struct {
		Properties map[string]any `json:"properties"`
		Defs       map[string]struct {
			Properties map[string]any `json:"properties"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal(schema, &root); err != nil {
		t.Fatal(err)
	}
	check := func(properties map[string]any) {
		for name := range properties {
			if !strings.Contains(string(text), name+":") {
				t.Errorf("the example does not show %s", name)
			}
		}
	}
	check(root.Properties)
	for _, d := range root.Defs {
		check(d.Properties)
	}
}

func TestTheSchemaAcceptsTheExample(t *testing.T) {
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	schemaText, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaText))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("config.json", schema); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("config.json")
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	if err := compiled.Validate(document); err != nil {
		t.Error(err)
	}
}

const faulty = `listen: 8080
storage:
  url: mongodb://somewhere
master_keys:
  - {id: a, key: {file: missing.key}}
plugins:
  people: {use: databse}
  partner:
    command: [/opt/partner]
issuers:
  - url: http://login.example.com/
    chain: [peple]
    chian: [people]
    access_token: {lifetime: 2d}
    keys: {announce: 1m, jwks_max_age: 5m, retain: 1d, signer: hsm}
    claims:
      email: ${identity.emial}
      iss: me
    clients:
      - {id: a, grants: [pasword]}
`

func TestEveryFaultIsToldAtOnce(t *testing.T) {
	dir := newDir(t, map[string]string{"claimsmith.yaml": faulty})
	_, err := Load(filepath.Join(dir, "claimsmith.yaml"), "")
	if err == nil {
		t.Fatal("the file loads")
	}
	want, readErr := os.ReadFile("testdata/faults.txt")
	if readErr != nil {
		t.Fatal(readErr)
	}
	if diff := cmp.Diff(string(want), strings.ReplaceAll(err.Error(), dir+"/", "")+"\n"); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

func FuzzLoad(f *testing.F) {
	text, err := os.ReadFile(example)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(faulty))
	f.Add(demo)
	dir := newDir(f, nil)
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := parse("fuzz.yaml", text, dir, dir)
		if (c == nil) == (err == nil) {
			t.Errorf("configuration %v, error %v", c, err)
		}
	})
}

// RFC 8414 section 2, and http for loopback alone.
func TestFaultsOfAnIssuersURL(t *testing.T) {
	site := "storage: {url: 'sqlite:x.db'}\nmaster_keys: [{id: a, key: {file: master.key}}]\nissuers: [{url: '%s'}]\n"
	for _, good := range []string{"https://login.example.com", "https://login.example.com/tenant", "http://127.0.0.1:8080", "http://[::1]:8080"} {
		if _, err := loadText(t, fmt.Sprintf(site, good)); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"https://login.example.com?a=b", "https://login.example.com?", "https://login.example.com#part", "https://login.example.com/",
		"https://somebody@login.example.com", "http://login.example.com", "ftp://login.example.com", "login.example.com", "https://",
	} {
		if _, err := loadText(t, fmt.Sprintf(site, bad)); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}
