package config

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// A secret need not stand in the file. Where one does it is shown no more than
// others, and taken out of what its plugin says.
func TestSecretsOfTheFileItselfAreNotShown(t *testing.T) {
	dir := newDir(t, map[string]string{"claimsmith.yaml": `
storage: {url: "postgres://app:hunter2-storage@db/hr"}
master_keys: [{id: a, key: {file: master.key}}]
tracing: {endpoint: "http://app:hunter2-tracing@collector:4318"}
plugins:
  people:
    use: database
    config:
      url: postgres://app:hunter2-url@db/hr?sslmode=disable
      password: hunter2-password
      replicas: ["postgres://app@db2/hr?password=hunter2-query", "postgres://app:hunter2-%@db3"]
      max_lag: 10s
  keys: {use: apikey, config: {verify_url: "https://keys.example.com/v?tenant=7", bearer_token: hunter2-bearer}}
  directory: {use: ldap, config: {urls: ["ldaps://directory"], base: dc=x, bind_dn: cn=x, bind_password: hunter2-bind}}
issuers: [{url: "http://localhost:8080", chain: [people, keys, directory]}]
`})
	c, err := Load(filepath.Join(dir, "claimsmith.yaml"), "")
	if err != nil {
		t.Fatal(err)
	}
	shown, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(shown, []byte("hunter2")) {
		t.Errorf("config show prints a secret:\n%s", shown)
	}
	for _, kept := range []string{"postgres://app@db/hr?sslmode=disable", "https://keys.example.com/v?tenant=7", "ldaps://directory"} {
		if !bytes.Contains(shown, []byte(kept)) {
			t.Errorf("config show lacks %s:\n%s", kept, shown)
		}
	}
	for name, want := range map[string]string{
		"people": "hunter2-password hunter2-query hunter2-url", "keys": "hunter2-bearer", "directory": "hunter2-bind",
	} {
		_, secrets := c.Plugins[name].Settings()
		for secret := range strings.FieldsSeq(want) {
			if !strings.Contains(strings.Join(secrets, " "), secret) {
				t.Errorf("%s: %s is not taken out of its log", name, secret)
			}
		}
	}
}
