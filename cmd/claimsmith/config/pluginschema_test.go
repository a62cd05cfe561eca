package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/internal/strictyaml"
)

func TestBuiltinPluginsHaveASchema(t *testing.T) {
	for name := range Builtin {
		schema, err := parseSchema(PluginSchema(name))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(schema.faults("a text")) == 0 {
			t.Errorf("%s: a text fits", name)
		}
	}
	if PluginSchema("other") != nil {
		t.Error("a plugin that is not built in has a schema")
	}
}

const secureURL = `^(https://[^/?#@]+|http://(localhost|127(\.[0-9]+){3}|\[::1\])(:[0-9]+)?)([/?][^#]*)?$`

// A fault of a plugin's own configuration is told as any other is, with its
// place in the file and without the value, which may be a secret.
func TestPluginSettingsAreCheckedAgainstTheirSchema(t *testing.T) {
	t.Setenv("SECRET", "hunter2")
	for _, tt := range []struct {
		plugin string
		want   []string // LINE:COLUMN: message
	}{
		{"{use: database, config: {url: 'sqlite:a.db'}}", nil},
		{"{use: database}", nil},
		{"{use: database, config: {pasword: {env: SECRET}}}", []string{`5:40: unknown key "pasword"`}},
		{"{use: database, config: {max_conns: many}}", []string{"5:42: an integer is wanted, not a text"}},
		{"{use: database, config: {max_conns: -1}}", []string{"5:42: is less than 0"}},
		{"{use: database, config: {allow: [md4]}}", []string{`5:39: is not one of plaintext md5 sha1 sha256 sha512 bcrypt_truncated`}},
		{"{use: database, config: {claims: {a: 1}}}", []string{"5:43: a text or a mapping is wanted"}},
		{"{use: database, config: {columns: {foo: x, name: 1, subject: ~}}}", []string{
			`5:46: the key "foo" is not one of subject username name email organisation unit units groups roles password disabled locked expires must_change`,
			"5:55: a text is wanted, not a number", "5:67: a text is wanted, not nothing"}},
		{"{use: database, config: {claims: {a: {column: x, as: y}}}}", []string{"5:59: is not one of text integer number boolean list json"}},
		{"{use: apikey, config: {url: {env: SECRET}, max_conns: [1]}}", []string{"5:60: an integer is wanted, not a list"}},
		{"{use: apikey, config: {verify_url: 'https://k.example/v', bearer_token: {env: SECRET}, cache: 1m}}", nil},
		{"{use: apikey, config: {verify_url: 'http://127.0.0.1:8080/v', username: us, password: {env: SECRET}}}", nil},
		{"{use: apikey, config: {verify_url: 'http://k.example/v', insecure_plaintext: true}}", nil},
		{"{use: apikey, config: {verify_url: 'http://k.example/v'}}", []string{`5:41: does not match ` + secureURL}},
		{"{use: apikey, config: {verify_url: 'https://us:hunter2@k.example/v'}}", []string{`5:41: does not match ` + secureURL}},
		{"{use: apikey, config: {verify_url: 'https://k.example/v', url: 'sqlite:a.db'}}", []string{"5:69: does not go with what else is there"}},
		{"{use: apikey, config: {verify_url: 'https://k.example/v', bearer_token: {env: SECRET}, username: us, password: {env: SECRET}}}",
			[]string{"5:103: does not go with what else is there"}},
		{"{use: apikey, config: {verify_url: 'https://k.example/v', password: {env: SECRET}}}", []string{"5:28: password needs username beside it"}},
		{"{use: apikey, config: {url: 'sqlite:a.db', cache: 1m}}", []string{"5:28: cache needs verify_url beside it"}},
		{"{use: apikey, config: {verify_url: 'https://k.example/v', client_key: k.pem}}", []string{"5:28: client_key needs client_certificate beside it"}},
		{"{use: apikey, config: {verify_url: 'https://k.example/v', cache: 10}}", []string{"5:71: a text is wanted, not a number"}},
		{"{use: ldap, config: {urls: 'ldap://a'}}", []string{"5:33: a list is wanted, not a text"}},
	} {
		text := "storage: {url: 'sqlite:a.db'}\nmaster_keys: [{id: a, key: {file: master.key}}]\nissuers: [{url: http://localhost}]\nplugins:\n  p: " + tt.plugin + "\n"
		dir := newDir(t, map[string]string{"c.yaml": text})
		_, err := Load(filepath.Join(dir, "c.yaml"), "")
		faults, _ := errors.AsType[strictyaml.Faults](err)
		var got []string
		for _, f := range faults {
			got = append(got, fmt.Sprintf("%d:%d: %s", f.Line, f.Column, f.Message))
			if !strings.Contains(f.Hint, "--schema") || strings.Contains(f.Error(), "hunter2") {
				t.Errorf("%s: %v", tt.plugin, f)
			}
		}
		if tt.plugin[:10] == "{use: ldap" { // what else is missing is not the point here
			got = slices.DeleteFunc(got, func(s string) bool { return strings.Contains(s, "missing") })
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s\n%v", tt.plugin, diff, err)
		}
	}
}

func TestPluginSettingsReadOneWay(t *testing.T) {
	for settings, want := range map[string]string{
		"{max_conns: 5, max_conns: 7}": `5:45: key "max_conns" is here twice, first in line 5`,
		"{max_conns: 010}":             "5:42: readers of YAML do not agree on this number",
	} {
		text := "storage: {url: 'sqlite:a.db'}\nmaster_keys: [{id: a, key: {file: master.key}}]\nissuers: [{url: http://localhost}]\nplugins:\n  p: {use: database, config: " + settings + "}\n"
		if _, err := Load(filepath.Join(newDir(t, map[string]string{"c.yaml": text}), "c.yaml"), ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", settings, err)
		}
	}
}
