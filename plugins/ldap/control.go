package ldap

import "github.com/go-ldap/ldap/v3"

// control extends a request or an answer (RFC 4511, section 4.1.11). None that is sent is critical.
type control struct {
	oid   string
	value string
}

func encodeControls(e *encoder, controls []control) {
	if len(controls) == 0 {
		return
	}
	all := e.begin(tagControls)
	for _, c := range controls {
		one := e.begin(tagSequence)
		e.text(tagOctets, c.oid)
		if c.value != "" {
			e.text(tagOctets, c.value)
		}
		e.end(one)
	}
	e.end(all)
}

func decodeControls(text string) (controls []control, err error) {
	all := decoder{rest: text}
	for all.more() {
		one := all.inside(tagSequence)
		c := control{oid: one.take(tagOctets)}
		if one.peek() == tagBoolean {
			one.take(tagBoolean)
		}
		if one.more() {
			c.value = one.take(tagOctets)
		}
		all.bad = one.bad
		controls = append(controls, c)
	}
	if all.bad {
		return nil, errMalformed
	}
	return controls, nil
}

// pageControl asks for the page after that which came with the cookie; "" is the first.
func pageControl(size int, cookie string) control {
	var e encoder
	all := e.begin(tagSequence)
	e.number(tagInteger, size)
	e.text(tagOctets, cookie)
	e.end(all)
	return control{ldap.ControlTypePaging, string(e.b)}
}

// nextPage returns the cookie for the next page; "" if there is none.
func nextPage(controls string) (string, error) {
	list, err := decodeControls(controls)
	if err != nil {
		return "", err
	}
	for _, c := range list {
		if c.oid != ldap.ControlTypePaging {
			continue
		}
		d := decoder{rest: c.value}
		page := d.inside(tagSequence)
		page.number(tagInteger) // an estimate of how many there are
		if cookie := page.take(tagOctets); !page.bad {
			return cookie, nil
		}
		return "", errMalformed
	}
	return "", nil
}

// policyError returns the error in the value of a control of
// draft-behera-ldap-password-policy, section 6.2; negative if there is none.
func policyError(value string) int {
	d := decoder{rest: value}
	inner := d.inside(tagSequence)
	for inner.more() {
		if inner.peek() == 0x81 {
			if n := inner.number(0x81); !inner.bad {
				return n
			}
			return -1
		}
		inner.next() // a warning
	}
	return -1
}
