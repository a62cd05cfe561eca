package ldap

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// filterTemplate is a filter with placeholders in the values of its assertions.
type filterTemplate []assertion

// assertion is an assertion with placeholders, such as (uid={username}), or,
// where attribute is empty, any text without.
type assertion struct {
	attribute string
	template  template
}

// absence says what becomes of an assertion whose placeholder has no value.
type absence int

const (
	refuse  absence = iota // there is no filter
	present                // it asks only that the attribute is there
	never                  // it matches no entry
)

var (
	withPlaceholder = regexp.MustCompile(`\([^()]*\{[^()]*\)`)
	assertedType    = regexp.MustCompile(`^\(\s*([A-Za-z0-9][A-Za-z0-9.;-]*)\s*(?:=|~=|>=|<=|:)`)
	errOutside      = errors.New("a placeholder must stand in the value of an assertion like (uid={username})")
)

func parseFilterTemplate(text string) (filterTemplate, error) {
	var f filterTemplate
	end := 0
	for _, at := range withPlaceholder.FindAllStringIndex(text, -1) {
		if strings.ContainsAny(text[end:at[0]], "{}") {
			return nil, errOutside
		}
		f = append(f, assertion{template: template{{text: text[end:at[0]]}}})
		a, err := parseAssertion(text[at[0]:at[1]])
		if err != nil {
			return nil, err
		}
		f = append(f, a)
		end = at[1]
	}
	if strings.ContainsAny(text[end:], "{}") {
		return nil, errOutside
	}
	f = append(f, assertion{template: template{{text: text[end:]}}})
	for _, missing := range []absence{present, never} {
		if err := f.check(missing); err != nil {
			return nil, fmt.Errorf("%q is no filter: %w", text, err)
		}
	}
	return f, nil
}

func parseAssertion(text string) (assertion, error) {
	match := assertedType.FindStringSubmatchIndex(text)
	if head, _, _ := strings.Cut(text, "="); match == nil || strings.ContainsAny(head, "{}") {
		return assertion{}, errOutside
	}
	t, err := parseTemplate(text)
	return assertion{attribute: text[match[2]:match[3]], template: t}, err
}

// check compiles the filter once with values for all placeholders and once without.
func (f filterTemplate) check(missing absence) error {
	for _, have := range []bool{true, false} {
		text, _ := f.expandFilter(func(string) (string, bool) { return "x", have }, missing)
		if _, err := ldap.CompileFilter(text); err != nil {
			return err
		}
	}
	return nil
}

// expandFilter returns the filter; false if a placeholder has no value and missing is refuse.
func (f filterTemplate) expandFilter(value values, missing absence) (string, bool) {
	var b strings.Builder
	for _, a := range f {
		if a.attribute == "" {
			b.WriteString(a.template[0].text)
			continue
		}
		var text strings.Builder
		switch {
		case a.template.expand(&text, value, ldap.EscapeFilter):
			b.WriteString(text.String())
		case missing == present:
			b.WriteString("(" + a.attribute + "=*)")
		case missing == never:
			b.WriteString("(!(objectClass=*))")
		default:
			return "", false
		}
	}
	return b.String(), true
}

func (f filterTemplate) placeholders() (names []string) {
	for _, a := range f {
		names = append(names, a.template.placeholders()...)
	}
	return names
}
