package config

import (
	"path/filepath"
	"strings"
	"testing"
)

const dialectSite = `storage: {url: "sqlite:x.db"}
master_keys: [{id: a, key: {file: master.key}}]
plugins: {people: {use: database}}
issuers:
  - url: https://login.example.com/acme
    chain: [people]
    keys: {algorithms: [ES256, RS256]}
    dialects:
`

// loadDialects loads a configuration with the given dialects.
func loadDialects(t *testing.T, dialects string, others map[string]string) (*Config, error) {
	t.Helper()
	files := map[string]string{
		"claimsmith.yaml": dialectSite + dialects,
		"master.key":      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
	}
	for name, text := range others {
		files[name] = text
	}
	return Load(filepath.Join(newDir(t, files), "claimsmith.yaml"), "")
}

func TestDialects(t *testing.T) {
	c, err := loadDialects(t, `
      - {dialect: woodwing, client: app, options: {server_version: "7.1"}}
      - {dialect: oisp, client: app, times: milliseconds, sunset: "2027-06-30"}
      - {dialect: crm-com, name: crm, client: app, path: /crm, algorithm: ES256}
`, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct{ name, path, secret, algorithm string }{
		{"woodwing", "/acme/services", "woodwing", "HS512"},
		{"oisp", "/acme/v1/api", "", ""},
		{"crm", "/crm", "", ""},
	} {
		d := &c.Issuers[0].Dialects[i]
		at := d.Config(c.Issuers[0].URL)
		secret, algorithm := d.Secret()
		if at.Name != want.name || at.Path != want.path || secret != want.secret || algorithm != want.algorithm {
			t.Errorf("%s at %s, secret %q for %q; want %+v", at.Name, at.Path, secret, algorithm, want)
		}
	}
}

func TestDialectFaults(t *testing.T) {
	for dialects, want := range map[string]string{
		"      - {dialect: woodwin, client: app}":                                                                                         `no dialect "woodwin" comes with this program`,
		"      - {client: app}":                                                                                                           "give one of dialect and file",
		"      - {dialect: woodwing}":                                                                                                     `missing key "client"`,
		"      - {dialect: woodwing, client: app, options: {serverVersion: 1}}":                                                           "the dialect has no such option",
		"      - {dialect: woodwing, client: app, algorithm: ES384}":                                                                      "not one of the issuer's keys.algorithms",
		"      - {dialect: woodwing, client: app, algorithm: ES256, times: iso}":                                                          "have times in seconds",
		"      - {dialect: oisp, client: app}\n      - {dialect: oisp, client: other}":                                                    "another dialect is at /acme/v1/api/",
		"      - {dialect: woodwing, client: app}\n      - {dialect: woodwing, client: other, path: /second}":                             "another dialect of the issuer is called woodwing",
		"      - {dialect: oisp, client: app, host: A.example.com}\n      - {dialect: oisp, name: two, client: app, host: a.example.com}": "another dialect is at a.example.com/acme/v1/api/",
		"      - {dialect: oisp, client: app}\n      - {dialect: oisp, client: other, name: two, path: /two}":                             "the tokens of oisp are signed by the same published keys",
		"      - {dialect: woodwing, client: app, path: /oauth2/x}":                                                                       "the issuer's own endpoints",
		"      - {dialect: woodwing, client: app, sunset: \"2027-02-31\"}":                                                                "not a day",
		"      - {file: missing.yaml, client: app}":                                                                                       "no such file",
		"      - {file: faulty.yaml, client: app}":                                                                                        "claimsmith dialect check",
	} {
		_, err := loadDialects(t, dialects, map[string]string{"faulty.yaml": "dialect: x\n"})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", dialects, err, want)
		}
	}
}
