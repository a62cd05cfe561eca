package ldap_test

import (
	"fmt"
	"slices"
	"testing"

	goldap "github.com/go-ldap/ldap/v3"
)

func TestGroupsAreFound(t *testing.T) {
	l := acme(t)
	const members = "(&(objectClass=groupOfNames)(member={dn}))"
	base := "ou=groups," + l.Suffix
	for _, c := range []struct {
		name   string
		groups config
		want   []string
	}{
		{"none", config{}, nil},
		{"by attribute", config{"attribute": "memberOf"}, []string{"engineers"}},
		{"by attribute, whole DN", config{"attribute": "memberOf", "name": "dn"}, []string{"cn=engineers," + base}},
		{"by attribute that holds no DNs", config{"attribute": "employeeType"}, []string{"engineer"}},
		{"by filter", config{"filter": members, "base": base}, []string{"engineers"}},
		{"by filter, whole DN", config{"filter": members, "base": base, "name": "dn"}, []string{"cn=engineers," + base}},
		{"by filter, other name", config{"filter": "(memberUid={username})", "base": base, "name": "gidNumber"}, []string{"200"}},
		{"POSIX", config{"filter": "(&(objectClass=posixGroup)(memberUid={username}))", "base": base}, []string{"unixusers"}},
		{"POSIX with primary group", config{"filter": "(&(objectClass=posixGroup)(|(memberUid={username})(gidNumber={gidNumber})))", "base": base},
			[]string{"unixusers", "users"}},
		{"placeholder without value", config{"filter": "(|(memberUid={title})(memberUid={title}*))", "base": base}, nil},
		{"nested", config{"filter": members, "base": base, "nested": "recursive"}, []string{"engineers", "everyone", "loop", "staff"}},
		{"nested from an attribute", config{"attribute": "memberOf", "filter": members, "base": base, "nested": "recursive"},
			[]string{"engineers", "everyone", "loop", "staff"}},
		{"nested, one level", config{"filter": members, "base": base, "nested": "recursive", "depth": 1}, []string{"engineers", "staff"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := configured(t, forAcme(l, config{"groups": c.groups}))
			id, err := p.Authenticate(t.Context(), password("alice", "wonderland"))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(id.Groups, c.want) {
				t.Errorf("groups are %q, want %q", id.Groups, c.want)
			}
		})
	}
}

// slapd answers at most 500 entries to a search unless they are asked for in pages.
func TestGroupsOfManyPagesAreAllFound(t *testing.T) {
	l := acme(t)
	root := asRoot(t, l)
	const many = 1200
	for i := range many {
		group := goldap.NewAddRequest(fmt.Sprintf("cn=g%d,ou=groups,%s", i, l.Suffix), nil)
		group.Attribute("objectClass", []string{"posixGroup"})
		group.Attribute("gidNumber", []string{fmt.Sprint(10_000 + i)})
		group.Attribute("memberUid", []string{"carol"})
		if err := root.Add(group); err != nil {
			t.Fatal(err)
		}
	}
	p := configured(t, forAcme(l, config{"groups": config{"filter": "(memberUid={username})", "base": "ou=groups," + l.Suffix}}))
	id, err := p.Authenticate(t.Context(), password("carol", "first"))
	if err != nil {
		t.Fatal(err)
	}
	if len(id.Groups) != many {
		t.Errorf("%d groups were found, want %d", len(id.Groups), many)
	}
}
