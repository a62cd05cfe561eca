package ldap_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	goldap "github.com/go-ldap/ldap/v3"
)

// ranged answers alice with the first of her groups and the others when asked for,
// in ranges that hold size values. As Active Directory does, it names the
// attribute once more, without values.
func ranged(t *testing.T, groups []string, size int) *script {
	s := activeDirectory(t, answer{})
	part := func(from int) *goldap.EntryAttribute {
		to := from + size
		if to >= len(groups) {
			return goldap.NewEntryAttribute(fmt.Sprintf("memberOf;range=%d-*", from), groups[from:])
		}
		return goldap.NewEntryAttribute(fmt.Sprintf("memberOf;Range=%d-%d", from, to-1), groups[from:to])
	}
	s.search = func(string, string) answer {
		e := aliceInAD()
		i := slices.IndexFunc(e.Attributes, func(a *goldap.EntryAttribute) bool { return a.Name == "memberOf" })
		e.Attributes[i] = goldap.NewEntryAttribute("memberOf", nil)
		e.Attributes = append(e.Attributes, part(0))
		return answer{entries: []*goldap.Entry{e}}
	}
	s.read = func(dn string, attributes []string) answer {
		from := 0
		if _, err := fmt.Sscanf(strings.Join(attributes, " "), "memberOf;range=%d-*", &from); err != nil || dn != aliceDN {
			t.Errorf("%s is asked for %q", dn, attributes)
		}
		return answer{entries: []*goldap.Entry{{DN: dn, Attributes: []*goldap.EntryAttribute{part(from)}}}}
	}
	return s
}

func manyGroups(n int) (dns, names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf("g%04d", i))
		dns = append(dns, "CN="+names[i]+",OU=Groups,DC=corp,DC=example")
	}
	return dns, names
}

func TestValuesThatDoNotFitAnAnswerAreFetched(t *testing.T) {
	dns, names := manyGroups(3700)
	s := ranged(t, dns, 1500)
	p := configured(t, forAD(s, nil))
	id, err := p.Authenticate(t.Context(), password("alice", "wonderland"))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(id.Groups, names) {
		t.Errorf("%d groups were found, want %d", len(id.Groups), len(names))
	}
	var reads int
	for _, asked := range s.heard() {
		if strings.HasPrefix(asked, "read ") {
			reads++
		}
	}
	if reads != 2 {
		t.Errorf("%d further answers were asked for, want 2", reads)
	}
}

// Whatever a directory answers, a login ends, and never without some of its groups.
func TestFetchingOfValuesIsBounded(t *testing.T) {
	groups, _ := manyGroups(6000)
	again := goldap.NewEntryAttribute("memberOf;range=0-1499", groups[:1500])
	for _, c := range []struct {
		name string
		size int
		rest *goldap.EntryAttribute // in place of what is asked for
		want string
	}{
		{"very many values", 1500, nil, "groups.filter"},
		{"one value at a time", 1, nil, "groups.filter"},
		{"the same again", 1500, again, "repeats itself"},
		{"no further values", 1500, goldap.NewEntryAttribute("memberOf", nil), "does not answer"},
		{"a range that is none", 1500, goldap.NewEntryAttribute("memberOf;range=1500-x", groups[:1]), "does not say"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := ranged(t, groups, c.size)
			if c.rest != nil {
				s.read = func(dn string, _ []string) answer {
					return answer{entries: []*goldap.Entry{{DN: dn, Attributes: []*goldap.EntryAttribute{c.rest}}}}
				}
			}
			p := configured(t, forAD(s, nil))
			_, err := p.Authenticate(t.Context(), password("alice", "wonderland"))
			if outcome(err) != "unavailable" || !strings.Contains(err.Error(), c.want) {
				t.Errorf("login is %s (%v), want unavailable with %q", outcome(err), err, c.want)
			}
		})
	}
}
