package ldap_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/claimsmith/claimsmith/plugins/ldap"
	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// The text that becomes of a GUID and a SID is that by which the domain finds them.
func TestDomainFindsItsIdentifiersAgain(t *testing.T) {
	d := realDomain(t)
	p := configured(t, forDomain(d, config{"claims": config{"sid": config{"attribute": "objectSid"}}}))
	id, err := p.Authenticate(t.Context(), password("alice", passwordInDomain))
	if err != nil {
		t.Fatal(err)
	}
	for _, base := range []string{"<GUID=" + id.Subject + ">", fmt.Sprintf("<SID=%s>", id.Claims["sid"])} {
		r, err := d.admin.Search(goldap.NewSearchRequest(base, goldap.ScopeBaseObject, goldap.NeverDerefAliases, 0, 0, false,
			"(objectClass=*)", []string{"cn"}, nil))
		if err != nil || len(r.Entries) != 1 || r.Entries[0].DN != d.dn("alice") {
			t.Errorf("%s is not alice: %v", base, err)
		}
	}
}

func TestStateOfDomainAccountDecides(t *testing.T) {
	d := realDomain(t)
	p := configured(t, forDomain(d, nil))
	for i, c := range []struct {
		state, attribute, value string
		login, refresh          string
	}{
		{"disabled", "userAccountControl", disabledAccount, "denied: disabled", "denied: disabled"},
		{"account expired", "accountExpires", "133000000000000000", "denied: expired", "denied: expired"}, // 2022
		{"password must change", "pwdLastSet", "0", "denied: must_change", "denied: must_change"},
		{"outside of hours", "logonHours", string(make([]byte, 21)), "denied: locked", "identity"},
		{"from elsewhere only", "userWorkstations", "ELSEWHERE", "denied: locked", "identity"},
		{"account expires later", "accountExpires", "180000000000000000", "identity", "identity"}, // 2171
	} {
		t.Run(c.state, func(t *testing.T) {
			name := fmt.Sprintf("state%d", i)
			d.person(t, name, nil)
			id, err := p.Authenticate(t.Context(), password(name, passwordInDomain))
			if err != nil {
				t.Fatal(err)
			}
			d.modify(t, d.dn(name), map[string]string{c.attribute: c.value})
			_, right := p.Authenticate(t.Context(), password(name, passwordInDomain))
			_, wrong := p.Authenticate(t.Context(), password(name, "x"))
			_, again := p.Refresh(t.Context(), id)
			if outcome(right) != c.login || outcome(wrong) != "denied: invalid" || outcome(again) != c.refresh {
				t.Errorf("login is %s, want %s; with a wrong password %s; refresh is %s, want %s",
					outcome(right), c.login, outcome(wrong), outcome(again), c.refresh)
			}
		})
	}
}

func TestDomainLocksAfterThreeFailures(t *testing.T) {
	d := realDomain(t)
	d.person(t, "lockable", nil)
	p := configured(t, forDomain(d, nil))
	login := func(secret, want string) (id sdk.Identity) {
		t.Helper()
		id, err := p.Authenticate(t.Context(), password("lockable", secret))
		if got := outcome(err); got != want {
			t.Errorf("login is %s, want %s", got, want)
		}
		return id
	}
	id := login(passwordInDomain, "identity")
	for range 3 {
		login("x", "denied: invalid")
	}
	login(passwordInDomain, "denied: locked")
	if _, err := p.Refresh(t.Context(), id); outcome(err) != "denied: locked" {
		t.Errorf("refresh of a locked person is %s", outcome(err))
	}
	d.modify(t, d.dn("lockable"), map[string]string{"lockoutTime": "0"})
	login(passwordInDomain, "identity")
}

func TestPasswordsOfDomainExpire(t *testing.T) {
	d := realDomain(t)
	d.AddWithOldPassword(t, "outdated", passwordInDomain)
	p := configured(t, forDomain(d, nil))
	id, err := p.Lookup(t.Context(), "outdated")
	if err != nil {
		t.Fatal(err)
	}
	_, right := p.Authenticate(t.Context(), password("outdated", passwordInDomain))
	_, wrong := p.Authenticate(t.Context(), password("outdated", "x"))
	_, again := p.Refresh(t.Context(), id)
	if outcome(right) != "denied: expired" || outcome(wrong) != "denied: invalid" || outcome(again) != "denied: expired" {
		t.Errorf("login is %s, with a wrong password %s; refresh is %s; want expired, invalid and expired",
			outcome(right), outcome(wrong), outcome(again))
	}
}

func TestDomainTakesPasswordsOverTLSOnly(t *testing.T) {
	d := realDomain(t)
	for name, c := range map[string]struct {
		config config
		want   string
	}{
		"LDAPS":              {nil, "identity"},
		"StartTLS":           {config{"urls": []string{d.URL}, "start_tls": true}, "identity"},
		"LDAPS, other CA":    {config{"ca": ""}, "unavailable"},
		"StartTLS, other CA": {config{"urls": []string{d.URL}, "start_tls": true, "ca": ""}, "unavailable"},
	} {
		p := configured(t, forDomain(d, c.config))
		_, err := p.Authenticate(t.Context(), password("alice", passwordInDomain))
		if got := outcome(err); got != c.want {
			t.Errorf("%s: login is %s, want %s (%v)", name, got, c.want, err)
		}
	}
	err := configure(t, ldap.New(), forDomain(d, config{"urls": []string{d.URL}}))
	if err == nil || !strings.Contains(err.Error(), "whether it wants TLS") {
		t.Errorf("without TLS the error is %v, want one that advises it", err)
	}
}

// A search from the domain's root is answered with references to other parts of
// the forest beside the entry, at a name that cannot be resolved.
func TestReferencesOfDomainAreNotFollowed(t *testing.T) {
	d := realDomain(t)
	r, err := d.admin.Search(goldap.NewSearchRequest(d.Suffix, goldap.ScopeWholeSubtree, goldap.NeverDerefAliases, 0, 0, false,
		"(sAMAccountName=alice)", []string{"cn"}, nil))
	if err != nil || len(r.Referrals) == 0 {
		t.Fatalf("the domain refers to nothing: %v", err)
	}
	p := configured(t, forDomain(d, config{"groups": config{"filter": "(member={dn})", "base": d.Suffix}}))
	id, err := p.Authenticate(t.Context(), password("alice", passwordInDomain))
	if err != nil || len(id.Groups) != 2 {
		t.Errorf("login is %s in %d groups, want 2 (%v)", outcome(err), len(id.Groups), err)
	}
}

func TestGroupsOfDomainComeInPages(t *testing.T) {
	d := realDomain(t)
	d.person(t, "joiner", nil)
	const many = 520 // a page is 500
	for i := range many {
		d.group(t, fmt.Sprintf("page%d", i), d.dn("joiner"))
	}
	for name, groups := range map[string]config{
		"by attribute": nil, "by filter": {"filter": "(member={dn})"}, "in chain": {"nested": "in_chain"},
	} {
		p := configured(t, forDomain(d, config{"groups": groups}))
		id, err := p.Authenticate(t.Context(), password("joiner", passwordInDomain))
		if err != nil || len(id.Groups) != many {
			t.Errorf("%s: %d groups, want %d (%v)", name, len(id.Groups), many, err)
		}
	}
}

// Samba gives all values unless it is asked for a range. In front of it stands what
// asks for 1500, as Windows gives them; the answers are Samba's.
func TestRangesOfDomainArePutTogether(t *testing.T) {
	d := realDomain(t)
	var want []any
	urls := map[string][]string{"objectClass": {"user"}, "sAMAccountName": {"linker"}}
	for i := range 3200 {
		url := fmt.Sprintf("https://corp.example/%04d", i)
		urls["url"], want = append(urls["url"], url), append(want, url)
	}
	d.add(t, d.dn("linker"), urls)
	fetch := func(base, filter string, scope int, attributes ...string) answer {
		r, err := d.admin.Search(goldap.NewSearchRequest(base, scope, goldap.NeverDerefAliases, 0, 0, false, filter, attributes, nil))
		if err != nil {
			t.Error(err)
			return answer{code: goldap.LDAPResultOther}
		}
		return answer{entries: r.Entries}
	}
	s := &script{
		bind: func(string, string) answer { return answer{} },
		search: func(base, filter string) answer {
			return fetch(base, filter, goldap.ScopeWholeSubtree, "objectGUID", "sAMAccountName", "url;range=0-1499")
		},
		read: func(dn string, attributes []string) answer {
			var from int
			fmt.Sscanf(attributes[0], "url;range=%d-*", &from)
			return fetch(dn, "(objectClass=*)", goldap.ScopeBaseObject, fmt.Sprintf("url;range=%d-%d", from, from+1499))
		},
	}
	p := configured(t, forAD(s.start(t), config{"claims": config{"urls": config{"attribute": "url", "multi": true}}}))
	id, err := p.Authenticate(t.Context(), password("linker", "any"))
	if err != nil {
		t.Fatal(err)
	}
	got, _ := id.Claims["urls"].([]any)
	slices.SortFunc(got, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	if !slices.Equal(got, want) {
		t.Errorf("%d values, want %d", len(got), len(want))
	}
}
