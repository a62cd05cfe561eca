package ldap_test

import (
	"slices"
	"testing"

	goldap "github.com/go-ldap/ldap/v3"
)

// A login is one search and one bind, whatever comes of it: nobody learns from its
// duration whether a person exists.
func TestUnknownPersonCostsWhatWrongPasswordCosts(t *testing.T) {
	s := activeDirectory(t, answer{})
	p := configured(t, forAD(s, nil))
	verbs := func(username, pw string) (verbs []string) {
		p.Authenticate(t.Context(), password(username, pw)) // the first opens a connection for searching, which binds
		s.heard()
		p.Authenticate(t.Context(), password(username, pw))
		for _, asked := range s.heard() {
			verb := asked[:4]
			verbs = append(verbs, verb)
		}
		return verbs
	}
	for _, c := range []struct{ name, username, password string }{
		{"right", "alice", "wonderland"}, {"wrong", "alice", "x"}, {"unknown", "nobody", "x"},
	} {
		got := verbs(c.username, c.password)
		if len(got) != 2 || got[0] != "sear" || got[1] != "bind" {
			t.Errorf("%s asks for %q, want a search and a bind", c.name, got)
		}
	}
}

// What is offered for a person of another directory is not shown to this one.
func TestPasswordOfUnknownPersonIsNotSent(t *testing.T) {
	s := activeDirectory(t, answer{})
	bind, seen := s.bind, []string{}
	s.bind = func(dn, password string) answer {
		seen = append(seen, password)
		return bind(dn, password)
	}
	p := configured(t, forAD(s, nil))
	p.Authenticate(t.Context(), password("nobody", "wonderland"))
	if len(seen) != 2 || slices.Contains(seen, "wonderland") {
		t.Errorf("the directory saw %q, want the service account's password and a random one", seen)
	}
}

func TestAnswersThatTellNothingAreUnavailable(t *testing.T) {
	for _, c := range []struct {
		name string
		code int
		text string
		want string
	}{
		{"busy", goldap.LDAPResultBusy, "", "unavailable"},
		{"unavailable", goldap.LDAPResultUnavailable, "", "unavailable"},
		{"other", goldap.LDAPResultOther, "", "unavailable"},
		{"operations error", goldap.LDAPResultOperationsError, "", "unavailable"},
		{"referral", goldap.LDAPResultReferral, "", "unavailable"},
		{"TLS wanted", goldap.LDAPResultConfidentialityRequired, "", "unavailable"},
		{"unwilling", goldap.LDAPResultUnwillingToPerform, "", "unavailable"},
		{"389 inactivated", goldap.LDAPResultUnwillingToPerform, "Account inactivated. Contact system administrator.", "denied: disabled"},
		{"389 retry limit", goldap.LDAPResultConstraintViolation, "Exceed password retry limit. Please try later.", "denied: locked"},
		{"entry gone", goldap.LDAPResultNoSuchObject, "", "denied: invalid"},
		{"no password", goldap.LDAPResultInappropriateAuthentication, "", "denied: invalid"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := configured(t, forAD(activeDirectory(t, answer{code: c.code, text: c.text}), nil))
			_, err := p.Authenticate(t.Context(), password("alice", "wonderland"))
			if got := outcome(err); got != c.want {
				t.Errorf("login is %s, want %s", got, c.want)
			}
		})
	}
}

func TestSearchThatTellsNothingIsUnavailable(t *testing.T) {
	for code, want := range map[int]string{
		goldap.LDAPResultReferral:                 "unavailable",
		goldap.LDAPResultNoSuchObject:             "unavailable", // the base is wrong: nothing is known of the person
		goldap.LDAPResultInsufficientAccessRights: "unavailable",
		goldap.LDAPResultTimeLimitExceeded:        "unavailable",
		goldap.LDAPResultSizeLimitExceeded:        "denied: invalid", // more than one entry matches
	} {
		s := activeDirectory(t, answer{})
		s.search = func(string, string) answer { return answer{code: code} }
		p := configured(t, forAD(s, nil))
		_, err := p.Authenticate(t.Context(), password("alice", "wonderland"))
		if got := outcome(err); got != want {
			t.Errorf("search result %d is %s, want %s", code, got, want)
		}
	}
}
