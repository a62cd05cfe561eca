package ldap

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/go-ldap/ldap/v3"
)

const (
	maxMessage = 8 << 20         // one entry with all that was asked for, or the end of an answer
	maxEntries = 2 * sdk.MaxList // of one answer
)

// The operations of LDAP that are spoken here (RFC 4511, section 4).
const (
	opBind         = 0x60
	opBound        = 0x61
	opSearch       = 0x63
	opEntry        = 0x64
	opDone         = 0x65
	opReference    = 0x73
	opExtended     = 0x77
	opExtendedDone = 0x78
	opIntermediate = 0x79
	tagControls    = 0xa0
)

// wire speaks LDAP on a connection: one request at a time, and whoever asks
// reads the answer. There is no goroutine behind it, so that a login wakes nobody but
// itself. After an error other than *ldap.Error, which is an answer,
// nothing more can be said on it. What ends a call is that the connection is closed.
type wire struct {
	conn net.Conn
	in   *bufio.Reader
	out  encoder
	id   int // of the last request

	unread bool // there is more of the last answer than was taken
}

func newWire(c net.Conn) *wire {
	return &wire{conn: c, in: bufio.NewReader(c), out: encoder{make([]byte, 0, 512)}}
}

// message is an LDAPMessage that came (RFC 4511, section 4.1.1).
type message struct {
	id       int
	op       byte
	body     string
	controls string // undecoded; usually none
}

// send sends a request whose operation fill encodes.
func (w *wire) send(op byte, fill func(*encoder), controls ...control) error {
	w.id = w.id%(1<<31-1) + 1
	w.out.b = w.out.b[:0]
	all := w.out.begin(tagSequence)
	w.out.number(tagInteger, w.id)
	body := w.out.begin(op)
	fill(&w.out)
	w.out.end(body)
	encodeControls(&w.out, controls)
	w.out.end(all)
	_, err := w.conn.Write(w.out.b)
	if op == opBind {
		clear(w.out.b) // there was a password in it
	}
	return err
}

// receive reads the next message that belongs to the last request.
func (w *wire) receive() (message, error) {
	text, err := w.read()
	if err != nil {
		return message{}, err
	}
	d := decoder{rest: text}
	m := message{id: d.number(tagInteger)}
	m.op, m.body = d.next()
	if d.peek() == tagControls {
		m.controls = d.take(tagControls)
	}
	switch {
	case d.bad:
		return m, errMalformed
	case m.id == 0:
		return m, errors.New("the directory is about to close the connection")
	case m.id != w.id:
		return m, fmt.Errorf("an answer to request %d came, not to %d", m.id, w.id)
	}
	return m, nil
}

// read returns what the next message consists of.
func (w *wire) read() (string, error) {
	start, err := w.in.Peek(2)
	if err != nil {
		return "", err
	}
	if start[1] > 0x80 {
		if start, err = w.in.Peek(2 + min(int(start[1]&0x7f), 4)); err != nil {
			return "", err
		}
	}
	header, length, ok := parseHeader(string(start))
	if !ok || start[0] != tagSequence {
		return "", errMalformed
	}
	if length > maxMessage {
		w.unread = true
		return "", &ldap.Error{ResultCode: ldap.LDAPResultOther, Err: fmt.Errorf("an answer of more than %d MiB came", maxMessage>>20)}
	}
	text := make([]byte, header+length)
	if _, err := io.ReadFull(w.in, text); err != nil {
		return "", err
	}
	return string(text[header:]), nil
}

// answer reads the one message that answers a request, and what it says.
func (w *wire) answer(op byte) (controls string, err error) {
	m, err := w.receive()
	if err != nil {
		return "", err
	}
	if m.op != op {
		return "", errMalformed
	}
	return m.controls, decodeResult(m.body)
}

// decodeResult returns an LDAPResult that is not success as an error (RFC 4511, section 4.1.9).
func decodeResult(body string) error {
	d := decoder{rest: body}
	code, matched, text := d.number(tagEnumerated), d.take(tagOctets), d.take(tagOctets)
	switch {
	case d.bad || code > 1<<16-1:
		return errMalformed
	case code != ldap.LDAPResultSuccess:
		return &ldap.Error{ResultCode: uint16(code), MatchedDN: matched, Err: errors.New(text)}
	}
	return nil
}
