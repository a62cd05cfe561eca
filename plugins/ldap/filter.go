package ldap

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// filter is an encoded filter (RFC 4511, section 4.5.1.7).
type filter string

// The tags of filters that are made here.
const (
	filterAnd        = 0xa0
	filterOr         = 0xa1
	filterNot        = 0xa2
	filterEquality   = 0xa3
	filterPresent    = 0x87
	filterExtensible = 0xa9
	extensibleType   = 0x82
)

// joined is the filter that takes filters of which all (filterAnd), or one
// (filterOr), must match.
func joined(tag byte, filters ...filter) filter {
	if len(filters) == 1 {
		return filters[0]
	}
	var e encoder
	all := e.begin(tag)
	for _, f := range filters {
		e.b = append(e.b, f...)
	}
	e.end(all)
	return filter(e.b)
}

func equality(attribute, value string) filter {
	var e encoder
	f := e.begin(filterEquality)
	e.text(tagOctets, attribute)
	e.text(tagOctets, value)
	e.end(f)
	return filter(e.b)
}

func presence(attribute string) filter {
	var e encoder
	e.text(filterPresent, attribute)
	return filter(e.b)
}

// filterTemplate is a filter, or an element of one, with placeholders in the
// values of its assertions. It is encoded when the configuration is read; what
// a caller says is put into it as it is, where no character has a meaning.
type filterTemplate struct {
	tag       byte
	children  []filterTemplate
	value     template // of an element that has no children
	attribute string   // of an assertion
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
	marked          = regexp.MustCompile("\x00" + placeholder.String() + "\x00")
	errOutside      = errors.New("a placeholder must stand in the value of an assertion like (uid={username})")
)

func parseFilterTemplate(text string) (*filterTemplate, error) {
	withMarks, err := mark(text)
	if err != nil {
		return nil, err
	}
	packet, err := ldap.CompileFilter(withMarks)
	if err != nil {
		return nil, fmt.Errorf("%q is no filter: %w", text, err)
	}
	t := newFilterTemplate(packet)
	return &t, nil
}

// mark puts NULs around the placeholders, by which they are found in the encoded filter.
func mark(text string) (string, error) {
	var b strings.Builder
	end := 0
	for _, at := range withPlaceholder.FindAllStringIndex(text, -1) {
		b.WriteString(text[end:at[0]])
		one := text[at[0]:at[1]]
		if head, _, _ := strings.Cut(one, "="); !assertedType.MatchString(one) || strings.ContainsAny(head, "{}") {
			return "", errOutside
		}
		parts, err := parseTemplate(one)
		if err != nil {
			return "", err
		}
		for _, p := range parts {
			b.WriteString(p.text)
			if p.placeholder != "" {
				b.WriteString(`\00{` + p.placeholder + `}\00`)
			}
		}
		end = at[1]
	}
	if strings.ContainsAny(withPlaceholder.ReplaceAllString(text, ""), "{}") {
		return "", errOutside
	}
	b.WriteString(text[end:])
	return b.String(), nil
}

func newFilterTemplate(p *ber.Packet) filterTemplate {
	t := filterTemplate{tag: byte(p.ClassType) | byte(p.TagType) | byte(p.Tag)}
	if p.TagType == ber.TypePrimitive {
		t.value = unmark(p.Data.String())
		return t
	}
	for _, child := range p.Children {
		t.children = append(t.children, newFilterTemplate(child))
	}
	if t.tag < filterEquality {
		return t
	}
	t.attribute = t.children[0].value.literal()
	for _, child := range t.children {
		if t.tag == filterExtensible && child.tag == extensibleType {
			t.attribute = child.value.literal()
		}
	}
	return t
}

// unmark is the template of a value with marked placeholders.
func unmark(value string) (t template) {
	for value != "" {
		at := marked.FindStringSubmatchIndex(value)
		if at == nil {
			return append(t, part{text: value})
		}
		if at[0] > 0 {
			t = append(t, part{text: value[:at[0]]})
		}
		t = append(t, part{placeholder: value[at[2]:at[3]]})
		value = value[at[1]:]
	}
	return t
}

// expand returns the filter; false if a placeholder has no value and missing is refuse.
func (t *filterTemplate) expand(value values, missing absence) (filter, bool) {
	e := encoder{make([]byte, 0, 256)}
	ok := t.encode(&e, value, missing)
	return filter(e.b), ok
}

func (t *filterTemplate) encode(e *encoder, value values, missing absence) bool {
	before := len(e.b)
	start := e.begin(t.tag)
	ok := true
	for i := range t.children {
		ok = ok && t.children[i].encode(e, value, missing)
	}
	for _, p := range t.value {
		e.b = append(e.b, p.text...)
		if p.placeholder != "" {
			v, has := value(p.placeholder)
			e.b = append(e.b, v...)
			ok = ok && has && v != ""
		}
	}
	e.end(start)
	if ok || t.attribute == "" || missing == refuse {
		return ok
	}
	e.b = e.b[:before]
	if missing == present {
		e.text(filterPresent, t.attribute)
		return true
	}
	not := e.begin(filterNot)
	e.text(filterPresent, "objectClass")
	e.end(not)
	return true
}

func (t *filterTemplate) placeholders() (names []string) {
	if t == nil {
		return nil
	}
	names = t.value.placeholders()
	for i := range t.children {
		names = append(names, t.children[i].placeholders()...)
	}
	return names
}
