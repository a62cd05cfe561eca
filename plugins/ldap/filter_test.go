package ldap

import (
	"strings"
	"testing"
	"unicode/utf8"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

func TestFilterTemplateExpands(t *testing.T) {
	given := func(name string) (string, bool) {
		v, ok := map[string]string{"username": "al*ice)(x=", "organisation": `a\b`}[name]
		return v, ok
	}
	for _, c := range []struct {
		text    string
		missing absence
		want    string
	}{
		{"(uid={username})", refuse, `(uid=al\2aice\29\28x=)`},
		{"(&(a=b)(uid={username})(!(o={organisation})))", refuse, `(&(a=b)(uid=al\2aice\29\28x=)(!(o=a\5cb)))`},
		{"(cn={username} of {organisation})", refuse, `(cn=al\2aice\29\28x= of a\5cb)`},
		{"(|(uid={username})(ou={unit}))", refuse, ""},
		{"(|(uid={username})(ou={unit}))", present, `(|(uid=al\2aice\29\28x=)(ou=*))`},
		{"(|(uid={username})(ou={unit}*))", never, `(|(uid=al\2aice\29\28x=)(!(objectClass=*)))`},
		{"(member:1.2.3:={unit})", present, "(member=*)"},
		{"(uid>={unit})", present, "(uid=*)"},
		{"(objectClass=person)", refuse, "(objectClass=person)"},
	} {
		f, err := parseFilterTemplate(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if got, _ := f.expandFilter(given, c.missing); got != c.want {
			t.Errorf("%s becomes %s, want %s", c.text, got, c.want)
		}
	}
}

// Whatever the values, a filter keeps the structure that its template has, and
// asks for exactly these values.
func FuzzFilterTemplate(f *testing.F) {
	f.Add("(&(objectClass=person)(uid={username}))", "alice")
	f.Add("(|(uid={username})(cn=x{username}y))", "*)(uid=*")
	f.Add("(uid:caseExactMatch:={username})", "\x00\\2a\xff")
	f.Add("(uid={username}", "{username}")
	f.Fuzz(func(t *testing.T, text, value string) {
		template, err := parseFilterTemplate(text)
		if err != nil {
			return
		}
		expand := func(value string) string {
			filter, _ := template.expandFilter(func(string) (string, bool) { return value, true }, present)
			return filter
		}
		if value == "" || !strings.Contains(text, "{") {
			return
		}
		filter := expand(value)
		compiled, err := ldap.CompileFilter(filter)
		if err != nil {
			t.Fatalf("%q with %q becomes %q: %v", text, value, filter, err)
		}
		harmless, err := ldap.CompileFilter(expand("x"))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := shape(compiled), shape(harmless); got != want {
			t.Fatalf("%q with %q has shape %s, want %s", text, value, got, want)
		}
	})
}

// shape is the tree of a filter, as it is sent, without its values.
func shape(p *ber.Packet) string {
	s := "("
	for _, child := range p.Children {
		s += shape(child)
	}
	return s + ")"
}

// Whatever the value, a DN keeps its parts, and the value is one of them.
func FuzzDNTemplate(f *testing.F) {
	f.Add("ou={organisation},dc=example", "acme")
	f.Add("ou=a{organisation}b+cn=c,dc=example", "x,dc=evil")
	f.Add("o={organisation}", " #=\\,+\"<>;\x00 ")
	f.Fuzz(func(t *testing.T, text, value string) {
		template, err := parseDNTemplate(text)
		if err != nil || value == "" || !utf8.ValidString(value) {
			return
		}
		expand := func(value string) *ldap.DN {
			text, _ := template.expandDN(func(string) (string, bool) { return value, true })
			dn, err := ldap.ParseDN(text)
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			return dn
		}
		got, want := expand(value), expand("x")
		if len(got.RDNs) != len(want.RDNs) {
			t.Fatalf("%q with %q has %d parts, want %d", text, value, len(got.RDNs), len(want.RDNs))
		}
		for i := range got.RDNs {
			if len(got.RDNs[i].Attributes) != len(want.RDNs[i].Attributes) {
				t.Fatalf("%q with %q: part %d is %v", text, value, i, got.RDNs[i])
			}
			for j, a := range got.RDNs[i].Attributes {
				if a.Type != want.RDNs[i].Attributes[j].Type {
					t.Fatalf("%q with %q: part %d is of another type: %v", text, value, i, a)
				}
			}
		}
	})
}
