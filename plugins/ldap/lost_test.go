package ldap_test

import (
	"testing"

	goldap "github.com/go-ldap/ldap/v3"
)

// A server can forget who is bound on a connection that was kept. That costs no
// login, least of all each one that follows.
func TestConnectionThatLostItsBindIsReplaced(t *testing.T) {
	s := activeDirectory(t, answer{})
	search, lost := s.search, true
	s.search = func(base, filter string) answer {
		if lost {
			return answer{code: goldap.LDAPResultOperationsError, text: "000004DC: LdapErr: DSID-0C090A5C, comment: In order to " +
				"perform this operation a successful bind must be completed on the connection., data 0, v4563"}
		}
		return search(base, filter)
	}
	bind := s.bind
	s.bind = func(dn, password string) answer {
		if dn == svcDN {
			lost = false
		}
		return bind(dn, password)
	}
	p := configured(t, forAD(s, nil))
	if _, err := p.Authenticate(t.Context(), password("alice", "wonderland")); err != nil {
		t.Fatal(err)
	}
	lost = true
	if _, err := p.Authenticate(t.Context(), password("alice", "wonderland")); err != nil {
		t.Errorf("a login on the connection is %s: %v", outcome(err), err)
	}
}
