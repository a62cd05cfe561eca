package ldap_test

import (
	"testing"

	goldap "github.com/go-ldap/ldap/v3"
)

func TestPasswordPolicyLocksAfterThreeFailures(t *testing.T) {
	l := acme(t)
	p := configured(t, forAcme(l, nil))
	login := func(pw, want string) {
		t.Helper()
		_, err := p.Authenticate(t.Context(), password("alice", pw))
		if got := outcome(err); got != want {
			t.Errorf("login is %s, want %s", got, want)
		}
	}
	id, err := p.Authenticate(t.Context(), password("alice", "wonderland"))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		login("wrong", "denied: invalid")
	}
	login("wonderland", "denied: locked")
	if _, err := p.Refresh(t.Context(), id); outcome(err) != "denied: locked" {
		t.Errorf("refresh of a locked person is %s", outcome(err))
	}

	unlock := goldap.NewModifyRequest("uid=alice,ou=people,"+l.Suffix, nil)
	unlock.Delete("pwdAccountLockedTime", nil)
	if err := asRoot(t, l).Modify(unlock); err != nil {
		t.Fatal(err)
	}
	login("wonderland", "identity")
}

func TestPasswordThatMustChangeIsDenied(t *testing.T) {
	l := acme(t)
	p := configured(t, forAcme(l, nil))
	reset := goldap.NewModifyRequest("uid=bob,ou=people,"+l.Suffix, nil)
	reset.Replace("userPassword", []string{"temporary"})
	reset.Replace("pwdReset", []string{"TRUE"})
	if err := asRoot(t, l).Modify(reset); err != nil {
		t.Fatal(err)
	}
	for pw, want := range map[string]string{"temporary": "denied: must_change", "wrong": "denied: invalid"} {
		_, err := p.Authenticate(t.Context(), password("bob", pw))
		if got := outcome(err); got != want {
			t.Errorf("login with a %s password is %s, want %s", pw, got, want)
		}
	}
}

func TestExpiredPasswordIsDenied(t *testing.T) {
	l := acme(t)
	p := configured(t, forAcme(l, nil))
	root := asRoot(t, l)
	expire := goldap.NewModifyRequest("cn=default,ou=policies,"+l.Suffix, nil)
	expire.Replace("pwdMaxAge", []string{"3600"})
	if err := root.Modify(expire); err != nil {
		t.Fatal(err)
	}
	old := goldap.NewModifyRequest("uid=bob,ou=people,"+l.Suffix, []goldap.Control{goldap.NewControlString("1.3.6.1.4.1.4203.666.5.12", true, "")}) // relax
	old.Replace("pwdChangedTime", []string{"20200101000000Z"})
	if err := root.Modify(old); err != nil {
		t.Fatal(err)
	}
	_, err := p.Authenticate(t.Context(), password("bob", "builder"))
	if got := outcome(err); got != "denied: expired" {
		t.Errorf("login is %s, want denied: expired", got)
	}
}
