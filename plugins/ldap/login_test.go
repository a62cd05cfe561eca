package ldap_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

func TestLoginTellsWhoTheEntryIs(t *testing.T) {
	p := configured(t, forAcme(acme(t), config{
		"attributes": config{"name": "displayName", "organisation": "o", "units": "departmentNumber", "roles": "employeeType"},
		"claims": config{
			"photo":   config{"attribute": "jpegPhoto"},
			"number":  config{"attribute": "employeeNumber"},
			"classes": config{"attribute": "objectClass", "multi": true},
			"hex":     config{"attribute": "employeeNumber", "binary": "hex"},
			"missing": config{"attribute": "title"},
		},
		"groups": config{"attribute": "memberOf"},
	}))
	r := password("ALICE", "wonderland")
	r.Attributes = map[string]string{"organisation": "acme", "unit": "south"}
	got, err := p.Authenticate(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	want := sdk.Identity{
		Subject: "5f2d1e7c-0001-4000-8000-000000000001", Username: "alice", Name: "Alice", Email: "alice@acme.example",
		Organisation: "Acme", Unit: "south", Units: []string{"north", "south"},
		Groups: []string{"engineers"}, Roles: []string{"engineer"},
		Claims: map[string]any{
			"photo": "/9j/4AA=", "number": "4711", "hex": "34373131",
			"classes": []any{"inetOrgPerson", "posixAccount"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("identity (-want +got):\n%s", diff)
	}
}

func TestLoginIsRefused(t *testing.T) {
	p := configured(t, forAcme(acme(t), config{"filter": "(&(objectClass=person)(|(uid={username})(mail={username})))"}))
	long := strings.Repeat("a", 1024)
	for _, c := range []struct{ name, username, password, want string }{
		{"right", "alice", "wonderland", "identity"},
		{"right by another attribute", "bob@acme.example", "builder", "identity"},
		{"name that is all metacharacters", `no,body*(\)`, "odd", "identity"},
		{"wrong password", "alice", "looking-glass", "denied: invalid"},
		{"password of another", "alice", "builder", "denied: invalid"},
		{"empty password", "bob", "", "denied: invalid"},
		{"empty password of nobody", "nobody", "", "denied: invalid"},
		{"entry without password", "nopassword", "x", "denied: invalid"},
		{"two entries match", "shared@acme.example", "first", "denied: invalid"},
		{"long password", "bob", strings.Repeat("p", 10_000), "denied: invalid"},
		{"unknown", "nobody", "wonderland", "unknown"},
		{"wildcard", "*", "wonderland", "unknown"},
		{"wildcard after a prefix", "alic*", "wonderland", "unknown"},
		{"filter injection", "alice)(uid=*", "wonderland", "unknown"},
		{"filter injection with or", "nobody)(|(uid=alice", "wonderland", "unknown"},
		{"escape", `\61lice`, "wonderland", "unknown"},
		{"NUL", "alice\x00", "wonderland", "unknown"},
		{"invalid UTF-8", "alice\xff", "wonderland", "unknown"},
		{"empty name", "", "wonderland", "unknown"},
		{"blank name", "  ", "wonderland", "unknown"},
		{"1 KiB name", long, "wonderland", "unknown"},
		{"longer name", long + "a", "wonderland", "unknown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			id, err := p.Authenticate(t.Context(), password(c.username, c.password))
			if got := outcome(err); got != c.want {
				t.Errorf("%q is %s, want %s (%v)", c.username, got, c.want, err)
			}
			if err != nil && id.Subject != "" {
				t.Errorf("an error came with the identity of %s", id.Subject)
			}
			if err != nil && c.password != "" && strings.Contains(err.Error(), c.password) {
				t.Error("the error tells the password")
			}
		})
	}
}

func TestOtherKindsOfCredentialAreUnknown(t *testing.T) {
	p := configured(t, forAcme(acme(t), nil))
	_, err := p.Authenticate(t.Context(), sdk.Request{Credential: sdk.Credential{Kind: sdk.APIKey, Secret: "wonderland"}})
	if got := outcome(err); got != "unknown" {
		t.Errorf("an API key is %s, want unknown", got)
	}
}
