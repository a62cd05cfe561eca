package ldap_test

import (
	"net"
	"os"
	"slices"
	"strings"
	"testing"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/claimsmith/claimsmith/internal/servertest"
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

// An empty password would be taken for an anonymous bind, which succeeds.
func TestEmptyPasswordIsNeverBound(t *testing.T) {
	s := activeDirectory(t, answer{})
	s.bind = func(string, string) answer { return answer{} }
	p := configured(t, forAD(s, nil))
	s.heard()
	for _, username := range []string{"alice", "nobody", ""} {
		if _, err := p.Authenticate(t.Context(), password(username, "")); outcome(err) != "denied: invalid" {
			t.Errorf("%q without a password is %s", username, outcome(err))
		}
	}
	if asked := s.heard(); len(asked) > 0 {
		t.Errorf("the directory was asked for %q", asked)
	}
}

// Searches are the service account's: no connection that somebody has logged in on
// is searched on, and both kinds are kept.
func TestSearchesAndLoginsHaveConnectionsOfTheirOwn(t *testing.T) {
	s := activeDirectory(t, answer{})
	p := configured(t, forAD(s, config{"groups": config{"nested": "in_chain"}}))
	for _, pw := range []string{"wonderland", "x", "wonderland"} {
		p.Authenticate(t.Context(), password("alice", pw))
		p.Authenticate(t.Context(), password("nobody", pw))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.by) != 2 {
		t.Fatalf("%d connections were opened, want 2", len(s.by))
	}
	searches, logins := s.by[0], s.by[1]
	if searches[0] != "bind "+svcDN {
		t.Errorf("the first begins with %q, want the service account's bind", searches[0])
	}
	for _, asked := range searches[1:] {
		if !strings.HasPrefix(asked, "search ") {
			t.Errorf("the service account's connection is asked for %q", asked)
		}
	}
	for _, asked := range logins {
		if !strings.HasPrefix(asked, "bind ") || asked == "bind "+svcDN {
			t.Errorf("a connection for logins is asked for %q", asked)
		}
	}
}

// Nobody is called at the addresses that a directory refers to.
func TestReferralsAreNotFollowed(t *testing.T) {
	elsewhere, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("testdata/acme.ldif")
	if err != nil {
		t.Fatal(err)
	}
	l := servertest.Slapd(t, strings.Replace(string(text), "127.0.0.1:1/", elsewhere.Addr().String()+"/", 1))
	called := make(chan int)
	go func() {
		calls := 0
		for {
			c, err := elsewhere.Accept()
			if err != nil {
				called <- calls
				return
			}
			calls++
			c.Close()
		}
	}()
	for base, want := range map[string]string{"ou=people," + l.Suffix: "identity", "ou=away,ou=people," + l.Suffix: "unavailable"} {
		p := configured(t, forAcme(l, config{"base": base, "groups": config{"filter": "(member={dn})", "base": l.Suffix}}))
		if _, err := p.Authenticate(t.Context(), password("alice", "wonderland")); outcome(err) != want {
			t.Errorf("login in %s is %s (%v), want %s", base, outcome(err), err, want)
		}
	}
	elsewhere.Close()
	if n := <-called; n > 0 {
		t.Errorf("%d calls were made to where the directory refers to", n)
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
