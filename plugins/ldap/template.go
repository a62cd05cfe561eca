package ldap

import (
	"fmt"
	"regexp"
	"strings"
)

// A template is text with placeholders such as {username}. There is no way to
// write a brace otherwise than, in a filter, as \7b or \7d.
type template []part

// part is literal text, or the name of a placeholder.
type part struct {
	text, placeholder string
}

// values returns what a placeholder stands for; false where it has no value.
type values func(placeholder string) (string, bool)

var placeholder = regexp.MustCompile(`\{([A-Za-z][A-Za-z0-9_.;-]*)\}`)

func parseTemplate(text string) (template, error) {
	var t template
	rest := text
	for rest != "" {
		at := placeholder.FindStringSubmatchIndex(rest)
		literal := rest
		if at != nil {
			literal = rest[:at[0]]
		}
		if strings.ContainsAny(literal, "{}") {
			return nil, fmt.Errorf("%q has a brace that belongs to no placeholder like {username}", text)
		}
		if literal != "" {
			t = append(t, part{text: literal})
		}
		if at == nil {
			break
		}
		t = append(t, part{placeholder: rest[at[2]:at[3]]})
		rest = rest[at[1]:]
	}
	return t, nil
}

// expand appends the text with the values escaped in place of the placeholders.
// It is false if one of them has no value.
func (t template) expand(b *strings.Builder, value values, escape func(string) string) bool {
	for _, p := range t {
		if p.placeholder == "" {
			b.WriteString(p.text)
			continue
		}
		v, ok := value(p.placeholder)
		if !ok || v == "" {
			return false
		}
		b.WriteString(escape(v))
	}
	return true
}

// literal is the text of a template without placeholders.
func (t template) literal() string {
	var b strings.Builder
	for _, p := range t {
		b.WriteString(p.text)
	}
	return b.String()
}

func (t template) placeholders() (names []string) {
	for _, p := range t {
		if p.placeholder != "" {
			names = append(names, p.placeholder)
		}
	}
	return names
}
