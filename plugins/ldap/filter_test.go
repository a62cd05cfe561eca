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
		got, ok := f.expand(given, c.missing)
		if ok != (c.want != "") {
			t.Errorf("%s: a filter comes of it: %t", c.text, ok)
		}
		if ok && encoding(t, got) != compiled(t, c.want) {
			t.Errorf("%s does not become %s", c.text, c.want)
		}
	}
}

func TestFiltersAreJoined(t *testing.T) {
	one, two := equality("uid", "a*)"), presence("mail")
	for want, f := range map[string]filter{
		`(uid=a\2a\29)`:            one,
		`(mail=*)`:                 joined(filterAnd, two),
		`(&(uid=a\2a\29)(mail=*))`: joined(filterAnd, one, two),
		`(|(mail=*)(uid=a\2a\29)(uid=` + strings.Repeat("x", 300) + `))`: joined(filterOr, two, one, equality("uid", strings.Repeat("x", 300))),
	} {
		if encoding(t, f) != compiled(t, want) {
			t.Errorf("%q is not %s", f, want)
		}
	}
}

// encoding is a filter with each length as short as it can be.
func encoding(t *testing.T, f filter) string {
	t.Helper()
	p, err := ber.DecodePacketErr([]byte(f))
	if err != nil {
		t.Fatalf("%q: %v", f, err)
	}
	return string(p.Bytes())
}

// compiled is what another library makes of a filter's text.
func compiled(t *testing.T, text string) string {
	t.Helper()
	p, err := ldap.CompileFilter(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return string(p.Bytes())
}

// Whatever the value, a filter is what its text would be with the value escaped in it.
func FuzzFilterTemplate(f *testing.F) {
	f.Add("(&(objectClass=person)(uid={username}))", "alice")
	f.Add("(|(uid={username})(cn=x{username}y*{username}))", "*)(uid=*")
	f.Add("(uid:caseExactMatch:={username})", "\x00\\2a\xff")
	f.Add("(uid:dn:={username})", "\x00{username}\x00")
	f.Add("(uid={username}", "{username}")
	f.Fuzz(func(t *testing.T, text, value string) {
		template, err := parseFilterTemplate(text)
		if err != nil || value == "" || strings.Contains(text, `\00`) {
			return
		}
		got, ok := template.expand(func(string) (string, bool) { return value, true }, refuse)
		if !ok {
			t.Fatalf("%q with %q is no filter", text, value)
		}
		want := placeholder.ReplaceAllLiteralString(text, ldap.EscapeFilter(value))
		if encoding(t, got) != compiled(t, want) {
			t.Fatalf("%q with %q is not %q", text, value, want)
		}
	})
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
