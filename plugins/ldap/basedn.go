package ldap

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// dnTemplate is a DN with placeholders in its values.
type dnTemplate struct {
	template
	root string // what follows the last part of the DN with a placeholder in it
}

var errOutsideDN = errors.New(`a placeholder must stand in a value, as in ou={organisation}, and not after \ or with # or "`)

func parseDNTemplate(text string) (dnTemplate, error) {
	t, err := parseTemplate(text)
	if err != nil {
		return dnTemplate{}, err
	}
	d := dnTemplate{template: t, root: text}
	if end := strings.LastIndexByte(text, '}'); end >= 0 {
		_, d.root, _ = cutRDN(text[end:])
	}
	prefix := ""
	for _, p := range t {
		if p.placeholder != "" && !endsInValue(prefix) {
			return dnTemplate{}, errOutsideDN
		}
		prefix += cmp.Or(p.text, "x")
	}
	sample, _ := d.expandDN(func(string) (string, bool) { return "x", true })
	for _, dn := range []string{sample, d.root} {
		if _, err := ldap.ParseDN(dn); err != nil {
			return dnTemplate{}, fmt.Errorf("%q is no DN: %w", text, err)
		}
	}
	return d, nil
}

// endsInValue is whether the beginning of a DN ends within a value, where more of it may follow.
func endsInValue(dn string) bool {
	in := false
	for i := 0; i < len(dn); i++ {
		switch dn[i] {
		case '\\':
			if i++; i == len(dn) {
				return false // the escape would take the first character of what follows
			}
		case ',', '+', ';':
			in = false
		case '=':
			in = true
		case '"', '#':
			return false // older ways of writing a value, with other escapes
		}
	}
	return in
}

// cutRDN cuts a DN at the first comma that is not escaped.
func cutRDN(dn string) (first, rest string, found bool) {
	for i := 0; i < len(dn); i++ {
		switch dn[i] {
		case '\\':
			i++
		case ',':
			return dn[:i], strings.TrimLeft(dn[i+1:], " "), true
		}
	}
	return dn, "", false
}

// expandDN returns the DN; false if a placeholder has no value.
func (d dnTemplate) expandDN(value values) (string, bool) {
	var b strings.Builder
	ok := d.expand(&b, value, ldap.EscapeDN)
	return b.String(), ok
}
