package ldap_test

import (
	"testing"

	"github.com/claimsmith/claimsmith/internal/servertest"
	"github.com/claimsmith/claimsmith/plugins/sdk"
)

const hosting = `dn: dc=hosting,dc=example
objectClass: dcObject
objectClass: organization
dc: hosting
o: Hosting

dn: cn=reader,dc=hosting,dc=example
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: reader
userPassword: reads-people

dn: o=acme,dc=hosting,dc=example
objectClass: organization
o: acme

dn: uid=alice,o=acme,dc=hosting,dc=example
objectClass: inetOrgPerson
uid: alice
cn: Alice of Acme
sn: A
userPassword: acme

dn: o=Smith\, Sons & Co,dc=hosting,dc=example
objectClass: organization
o: Smith, Sons & Co

dn: uid=alice,o=Smith\, Sons & Co,dc=hosting,dc=example
objectClass: inetOrgPerson
uid: alice
cn: Alice of Smith
sn: S
userPassword: smith
`

func TestOrganisationChoosesBase(t *testing.T) {
	l := servertest.Slapd(t, hosting)
	p := configured(t, forAcme(l, config{"base": "o={organisation}," + l.Suffix}))
	login := func(organisation, pw string) (sdk.Identity, error) {
		r := password("alice", pw)
		r.Attributes = map[string]string{"organisation": organisation}
		return p.Authenticate(t.Context(), r)
	}
	for _, c := range []struct{ organisation, password, want string }{
		{"acme", "acme", "Alice of Acme"},
		{"Smith, Sons & Co", "smith", "Alice of Smith"},
		{"acme", "smith", "denied: invalid"},
		{"Smith, Sons & Co", "acme", "denied: invalid"},
		{"nowhere", "acme", "unknown"},
		{"", "acme", "unknown"},
		{"acme,dc=hosting", "acme", "unknown"},
		{"acme+uid=x", "acme", "unknown"},
		{"*", "acme", "unknown"},
		{"x\x00", "acme", "unknown"},
	} {
		id, err := login(c.organisation, c.password)
		got := id.Name
		if err != nil {
			got = outcome(err)
		}
		if got != c.want {
			t.Errorf("alice of %q with %q is %s, want %s", c.organisation, c.password, got, c.want)
		}
		if err == nil && id.Organisation != c.organisation {
			t.Errorf("organisation is %q, want %q", id.Organisation, c.organisation)
		}
		if err != nil {
			continue
		}
		if again, err := p.Refresh(t.Context(), id); err != nil || again.Organisation != c.organisation {
			t.Errorf("refresh is %s with organisation %q, want %q", outcome(err), again.Organisation, c.organisation)
		}
		id.Organisation = "nowhere"
		if _, err := p.Refresh(t.Context(), id); outcome(err) != "unknown" {
			t.Errorf("refresh in another organisation is %s, want unknown", outcome(err))
		}
	}
}

func TestEntryOfAnotherOrganisationIsNotFound(t *testing.T) {
	p := configured(t, forAcme(acme(t), config{"attributes": config{"organisation": "o", "units": "departmentNumber"}}))
	for _, c := range []struct{ organisation, unit, want string }{
		{"", "", "identity"},
		{"Acme", "", "identity"},
		{"ACME", "north", "identity"},
		{"Globex", "", "unknown"},
		{"Acme", "east", "denied: invalid"},
	} {
		r := password("alice", "wonderland")
		r.Attributes = map[string]string{"organisation": c.organisation, "unit": c.unit}
		id, err := p.Authenticate(t.Context(), r)
		if got := outcome(err); got != c.want {
			t.Errorf("alice of %q, unit %q, is %s, want %s", c.organisation, c.unit, got, c.want)
		}
		if err == nil && (id.Organisation != "Acme" || id.Unit != c.unit) {
			t.Errorf("identity is of %q, unit %q, want Acme and %q", id.Organisation, id.Unit, c.unit)
		}
	}
}
