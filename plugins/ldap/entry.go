package ldap

import "strings"

// entry is an entry of the directory, or as much of it as was asked for.
type entry struct {
	dn         string
	attributes []attribute
}

// attribute has values that need not be text.
type attribute struct {
	name   string
	values []string
}

// raw returns an attribute's values as the directory has them.
func (e *entry) raw(name string) []string {
	for _, a := range e.attributes {
		if strings.EqualFold(a.name, name) {
			return a.values
		}
	}
	return nil
}

// first returns an attribute's first value as the directory has it, or "".
func (e *entry) first(name string) string {
	if values := e.raw(name); len(values) > 0 {
		return values[0]
	}
	return ""
}

// decodeEntry reads a SearchResultEntry (RFC 4511, section 4.5.2).
func decodeEntry(body string) (*entry, error) {
	d := decoder{rest: body}
	e := &entry{dn: d.take(tagOctets)}
	list := d.inside(tagSequence)
	for list.more() {
		one := list.inside(tagSequence)
		a := attribute{name: one.take(tagOctets)}
		set := one.inside(tagSet)
		for set.more() {
			a.values = append(a.values, set.take(tagOctets))
		}
		one.skip()
		list.bad = set.bad || one.bad
		e.attributes = append(e.attributes, a)
	}
	d.skip()
	if list.bad || d.bad {
		return nil, errMalformed
	}
	return e, nil
}
