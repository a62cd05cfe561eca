package ldap

import (
	"encoding/binary"
	"errors"
)

// The tags of BER that LDAP uses everywhere (RFC 4511, section 5.1).
const (
	tagBoolean    = 0x01
	tagInteger    = 0x02
	tagOctets     = 0x04
	tagEnumerated = 0x0a
	tagSequence   = 0x30
	tagSet        = 0x31
)

// encoder appends BER elements.
type encoder struct{ b []byte }

// begin opens an element that others are put into, which end closes.
func (e *encoder) begin(tag byte) (start int) {
	e.b = append(e.b, tag, 0x84, 0, 0, 0, 0) // a length of four bytes, for end to fill in
	return len(e.b)
}

func (e *encoder) end(start int) {
	binary.BigEndian.PutUint32(e.b[start-4:], uint32(len(e.b)-start))
}

func (e *encoder) text(tag byte, s string) {
	if len(s) < 0x80 {
		e.b = append(e.b, tag, byte(len(s)))
		e.b = append(e.b, s...)
		return
	}
	start := e.begin(tag)
	e.b = append(e.b, s...)
	e.end(start)
}

// number appends an integer from 0 to 1<<31 - 1.
func (e *encoder) number(tag byte, n int) {
	var all [5]byte
	binary.BigEndian.PutUint32(all[1:], uint32(n))
	octets := all[:]
	for len(octets) > 1 && octets[0] == 0 && octets[1] < 0x80 {
		octets = octets[1:]
	}
	e.b = append(e.b, tag, byte(len(octets)))
	e.b = append(e.b, octets...)
}

func (e *encoder) boolean(v bool) {
	octet := byte(0)
	if v {
		octet = 0xff
	}
	e.b = append(e.b, tagBoolean, 1, octet)
}

// decoder takes BER elements off a text. Once something is not as it should be,
// bad stays true and everything taken is empty.
type decoder struct {
	rest string
	bad  bool
}

var errMalformed = errors.New("what came is no LDAP")

// more is whether there are further elements.
func (d *decoder) more() bool { return d.rest != "" && !d.bad }

// next takes an element, whatever its tag.
func (d *decoder) next() (tag byte, value string) {
	header, length, ok := parseHeader(d.rest)
	if d.bad || !ok || length > len(d.rest)-header {
		d.bad, d.rest = true, ""
		return 0, ""
	}
	tag, value = d.rest[0], d.rest[header:header+length]
	d.rest = d.rest[header+length:]
	return tag, value
}

// take takes an element that must have the tag.
func (d *decoder) take(tag byte) string {
	got, value := d.next()
	if got != tag {
		d.bad, d.rest = true, ""
		return ""
	}
	return value
}

// inside takes an element that must have the tag, to take others off its value.
func (d *decoder) inside(tag byte) decoder {
	value := d.take(tag)
	return decoder{rest: value, bad: d.bad}
}

// skip takes what is left, which an extension of LDAP may have added.
func (d *decoder) skip() {
	for d.more() {
		d.next()
	}
}

// number takes an integer that must have the tag and not be negative.
func (d *decoder) number(tag byte) (n int) {
	value := d.take(tag)
	if len(value) < 1 || len(value) > 5 || value[0] >= 0x80 || len(value) == 5 && value[0] != 0 {
		d.bad, d.rest = true, ""
		return 0
	}
	for i := range len(value) {
		n = n<<8 | int(value[i])
	}
	return n
}

// peek is the tag of the next element; 0 if there is none.
func (d *decoder) peek() byte {
	if d.rest == "" {
		return 0
	}
	return d.rest[0]
}

// parseHeader reads an element's tag and length, of which header bytes are made. It
// is false if there are too few bytes, or they are none that LDAP allows.
func parseHeader(s string) (header, length int, ok bool) {
	if len(s) < 2 || s[0]&0x1f == 0x1f {
		return 0, 0, false
	}
	if s[1] < 0x80 {
		return 2, int(s[1]), true
	}
	header = 2 + int(s[1]&0x7f)
	if header == 2 || header > 6 || len(s) < header {
		return 0, 0, false
	}
	for _, octet := range []byte(s[2:header]) {
		length = length<<8 | int(octet)
	}
	return header, length, true
}
