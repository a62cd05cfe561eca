package ldap_test

import (
	"testing"

	goldap "github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

func TestRefreshReadsEntryAnew(t *testing.T) {
	l := acme(t)
	root := asRoot(t, l)
	dn := "uid=alice,ou=people," + l.Suffix
	p := configured(t, forAcme(l, config{
		"filter":     "(&(uid={username})(!(employeeType=retired)))",
		"attributes": config{"organisation": "o", "units": "departmentNumber"},
		"groups":     config{"attribute": "memberOf"},
	}))
	r := password("alice", "wonderland")
	r.Attributes = map[string]string{"unit": "south"}
	id, err := p.Authenticate(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	refresh := func() (sdk.Identity, string) {
		t.Helper()
		id, err := p.Refresh(t.Context(), id)
		return id, outcome(err)
	}
	modify := func(attribute string, values ...string) {
		t.Helper()
		m := goldap.NewModifyRequest(dn, nil)
		m.Replace(attribute, values)
		if err := root.Modify(m); err != nil {
			t.Fatal(err)
		}
	}

	same, _ := refresh()
	if diff := cmp.Diff(id, same); diff != "" {
		t.Errorf("identity changed by itself (-login +refresh):\n%s", diff)
	}
	modify("mail", "liddell@acme.example")
	if now, is := refresh(); now.Email != "liddell@acme.example" {
		t.Errorf("refresh after a change of mail is %s with %q", is, now.Email)
	}
	modify("departmentNumber", "north")
	if _, is := refresh(); is != "denied: invalid" {
		t.Errorf("refresh after the unit was taken away is %s, want denied", is)
	}
	modify("departmentNumber", "north", "south")
	modify("employeeType", "retired")
	if _, is := refresh(); is != "unknown" {
		t.Errorf("refresh of whom the filter no longer lets in is %s, want unknown", is)
	}
	modify("employeeType")
	modify("o", "Globex")
	if _, is := refresh(); is != "unknown" {
		t.Errorf("refresh after a move to another organisation is %s, want unknown", is)
	}
	modify("o", "Acme")
	if _, is := refresh(); is != "identity" {
		t.Errorf("refresh after all is as before is %s, want an identity", is)
	}
	if err := root.Del(goldap.NewDelRequest(dn, nil)); err != nil {
		t.Fatal(err)
	}
	if _, is := refresh(); is != "unknown" {
		t.Errorf("refresh of a deleted entry is %s, want unknown", is)
	}
}

func TestLookupFindsByNameAndBySubject(t *testing.T) {
	p := configured(t, forAcme(acme(t), config{"filter": "(|(uid={username})(mail={username}))"}))
	for name, want := range map[string]string{
		"alice": "alice", "bob@acme.example": "bob", "5f2d1e7c-0001-4000-8000-000000000001": "alice",
		"nobody": "", "*": "", "shared@acme.example": "", "": "",
	} {
		id, err := p.Lookup(t.Context(), name)
		if id.Username != want || want == "" && outcome(err) != "unknown" {
			t.Errorf("%q is %q (%s), want %q", name, id.Username, outcome(err), want)
		}
	}
}
