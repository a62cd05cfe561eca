package ldap_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/claimsmith/claimsmith/plugins/ldap"
	"github.com/claimsmith/claimsmith/plugins/sdk"
)

func configureWithin(t testing.TB, ctx context.Context, p *ldap.Plugin, c config) {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Configure(ctx, text); err != nil {
		t.Fatal(err)
	}
}

func TestWrongConfigurationSaysWhatToChange(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		change config
		want   string
	}{
		{"no server", config{"urls": nil}, "urls: name at least one"},
		{"scheme", config{"urls": []string{"http://directory"}}, `urls: "http://directory": must begin with ldap://`},
		{"search in URL", config{"urls": []string{"ldaps://directory/dc=example"}}, "belongs in base"},
		{"password in URL", config{"urls": []string{"ldaps://me:hunter2@directory"}}, "belong in bind_dn"},
		{"no URL", config{"urls": []string{"ldaps://[hunter2"}}, "is no URL"},
		{"plaintext", config{"urls": []string{"ldap://directory"}}, "insecure_plaintext"},
		{"StartTLS on LDAPS", config{"urls": []string{"ldaps://directory"}, "start_tls": true}, "start_tls is not for it"},
		{"CA is missing", config{"ca": "/nowhere/ca.pem"}, "ca: open /nowhere/ca.pem"},
		{"CA is empty", config{"ca": empty}, "holds no PEM certificate"},
		{"client certificate", config{"client_certificate": "/nowhere/cert.pem", "client_key": "/nowhere/key.pem"}, "client_certificate"},
		{"bind without password", config{"bind_dn": "cn=x", "bind_password": ""}, "bind_password: must not be empty"},
		{"directory", config{"directory": "novell"}, `directory: "novell" is none of`},
		{"no base", config{"base": ""}, "base: name the DN"},
		{"base", config{"base": "people"}, `base: "people" is no DN`},
		{"placeholder in base", config{"base": "ou={,dc=x"}, "brace that belongs to no placeholder"},
		{"filter", config{"filter": "(uid={username}"}, "filter: "},
		{"filter without parentheses", config{"filter": "uid={username}"}, "must stand in the value of an assertion"},
		{"placeholder for an attribute", config{"filter": "({username}=x)"}, "must stand in the value of an assertion"},
		{"UPN filter", config{"usernames": config{"upn_filter": "("}}, "usernames.upn_filter: "},
		{"scope", config{"scope": "subtree"}, `scope: "subtree" is none of`},
		{"claim without attribute", config{"claims": config{"x": config{}}}, "claims.x.attribute"},
		{"encoding of claim", config{"claims": config{"x": config{"attribute": "a", "binary": "uuid"}}}, "claims.x.binary"},
		{"nested", config{"groups": config{"nested": "deep"}}, "groups: nested"},
		{"nested without filter", config{"groups": config{"attribute": "memberOf", "nested": "recursive"}}, "needs a filter with {dn}"},
		{"in_chain and filter", config{"groups": config{"filter": "(member={dn})", "nested": "in_chain"}}, "leave filter out"},
		{"group filter", config{"groups": config{"filter": "(member={dn}"}}, "groups: filter"},
		{"connections", config{"connections": -1}, "connections"},
		{"decoy", config{"decoy_dn": "nobody"}, "decoy_dn"},
		{"unknown key", config{"bind_user": "x"}, `unknown key "bind_user"`},
		{"unknown key within", config{"groups": config{"fliter": "x"}}, `unknown key "fliter"`},
		{"type", config{"bind_password": 4711}, "bind_password: must be a string"},
		{"type within", config{"groups": config{"depth": "4711"}}, "groups.depth: must be an integer"},
		{"duration", config{"timeout": "3 seconds"}, "is no duration"},
	} {
		t.Run(c.name, func(t *testing.T) {
			change := config{"urls": []string{"ldap://127.0.0.1:1"}, "base": "dc=x"}
			for key, value := range c.change {
				change[key] = value
			}
			err := configure(t, ldap.New(), change)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error is %v, want one with %q", err, c.want)
			}
			for _, secret := range []string{"hunter2", "4711"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("error tells a secret: %v", err)
				}
			}
		})
	}
}

func TestAllFaultsAreToldAtOnce(t *testing.T) {
	err := configure(t, ldap.New(), config{"base": "people", "scope": "deep", "filter": "(", "groups": config{"nested": "x"}})
	if err == nil {
		t.Fatal("no error")
	}
	for _, key := range []string{"urls:", "base:", "scope:", "filter:", "groups:"} {
		if !strings.Contains(err.Error(), key) {
			t.Errorf("error does not tell of %s: %v", key, err)
		}
	}
}

func TestRefusedServiceAccountKeepsPluginFromStarting(t *testing.T) {
	l := acme(t)
	err := configure(t, ldap.New(), forAcme(l, config{"bind_password": "reads-nobody"}))
	if err == nil || !strings.Contains(err.Error(), "check bind_dn, bind_password") {
		t.Fatalf("error is %v, want advice to check bind_dn and bind_password", err)
	}
	if strings.Contains(err.Error(), "reads-nobody") {
		t.Errorf("error tells the password: %v", err)
	}
}

func TestDirectoryThatIsDownDoesNotKeepPluginFromStarting(t *testing.T) {
	l := acme(t)
	l.Stop()
	p := configured(t, forAcme(l, nil))
	if _, err := p.Authenticate(t.Context(), password("alice", "wonderland")); outcome(err) != "unavailable" {
		t.Errorf("login is %s, want unavailable", outcome(err))
	}
	l.Start()
	until(t, p, "Alice Liddell")
}

func TestPluginWithoutConfigurationIsUnavailable(t *testing.T) {
	_, err := ldap.New().Authenticate(t.Context(), password("alice", "wonderland"))
	if got := outcome(err); got != "unavailable" {
		t.Errorf("login is %s, want unavailable", got)
	}
}

func TestSchemaAcceptsWhatPluginAccepts(t *testing.T) {
	description := ldap.New().Describe()
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(description.Schema)))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("ldap.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("ldap.json")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		`{"urls": ["ldaps://d"], "base": "dc=x", "timeout": "1m30s", "groups": {"attribute": "memberOf"}, "claims": {"a": {"attribute": "b"}}}`: true,
		`{"urls": ["ldaps://d"]}`:                                              false,
		`{"urls": [], "base": "dc=x"}`:                                         false,
		`{"urls": ["ldaps://d"], "base": "dc=x", "colour": "red"}`:             false,
		`{"urls": ["ldaps://d"], "base": "dc=x", "timeout": "soon"}`:           false,
		`{"urls": ["ldaps://d"], "base": "dc=x", "groups": {"fliter": "(x)"}}`: false,
	} {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); (err == nil) != want {
			t.Errorf("%s: %v, want valid: %t", text, err, want)
		}
	}
	if description.Name != "ldap" || len(description.Kinds) != 1 || description.Kinds[0] != sdk.Password {
		t.Errorf("description is %+v", description)
	}
}
