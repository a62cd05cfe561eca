package ldap

import (
	"errors"

	"github.com/go-ldap/ldap/v3"
)

// bind offers a DN and its password. The controls are those of the answer.
func (w *wire) bind(dn, password string, controls ...control) ([]control, error) {
	err := w.send(opBind, func(e *encoder) {
		e.number(tagInteger, 3)
		e.text(tagOctets, dn)
		e.text(0x80, password)
	}, controls...)
	if err != nil {
		return nil, err
	}
	return w.bound()
}

// bindExternal takes the identity that the connection itself has (RFC 4422, appendix A).
func (w *wire) bindExternal() error {
	err := w.send(opBind, func(e *encoder) {
		e.number(tagInteger, 3)
		e.text(tagOctets, "")
		sasl := e.begin(0xa3)
		e.text(tagOctets, "EXTERNAL")
		e.text(tagOctets, "")
		e.end(sasl)
	})
	if err == nil {
		_, err = w.bound()
	}
	return err
}

func (w *wire) bound() ([]control, error) {
	text, err := w.answer(opBound)
	if text == "" || err != nil && !answered(err) {
		return nil, err
	}
	controls, malformed := decodeControls(text)
	if malformed != nil {
		return nil, malformed
	}
	return controls, err
}

// startTLS asks the server to go on in TLS (RFC 4511, section 4.14). Nothing else
// can be said afterwards.
func (w *wire) startTLS() error {
	err := w.send(opExtended, func(e *encoder) { e.text(0x80, "1.3.6.1.4.1.1466.20037") })
	if err == nil {
		_, err = w.answer(opExtendedDone)
	}
	if err == nil && w.in.Buffered() > 0 {
		err = errors.New("something was said in plain text after TLS was agreed")
	}
	return err
}

// query is a search. Aliases are not dereferenced.
type query struct {
	base       string
	scope      int
	filter     filter
	attributes []string
	entries    int // at most; 0 is no limit
	seconds    int // at most
}

// search returns the entries that a query finds. References to other servers are left out.
func (w *wire) search(q query) ([]*entry, error) {
	found, _, err := w.searchPage(q)
	return found, err
}

// searchPage also returns the controls of the answer.
func (w *wire) searchPage(q query, controls ...control) (found []*entry, answer string, err error) {
	err = w.send(opSearch, func(e *encoder) {
		e.text(tagOctets, q.base)
		e.number(tagEnumerated, q.scope)
		e.number(tagEnumerated, ldap.NeverDerefAliases)
		e.number(tagInteger, q.entries)
		e.number(tagInteger, q.seconds)
		e.boolean(false) // values too, not the names alone
		e.b = append(e.b, q.filter...)
		list := e.begin(tagSequence)
		for _, name := range q.attributes {
			e.text(tagOctets, name)
		}
		e.end(list)
	}, controls...)
	if err != nil {
		return nil, "", err
	}
	for len(found) <= maxEntries {
		m, err := w.receive()
		if err != nil {
			return nil, "", err
		}
		switch m.op {
		case opEntry:
			e, err := decodeEntry(m.body)
			if err != nil {
				return nil, "", err
			}
			found = append(found, e)
		case opReference, opIntermediate:
		case opDone:
			return found, m.controls, decodeResult(m.body)
		default:
			return nil, "", errMalformed
		}
	}
	w.unread = true
	return nil, "", &ldap.Error{ResultCode: ldap.LDAPResultSizeLimitExceeded, Err: errors.New("more entries came than can be taken")}
}

// searchAll asks for page entries at a time (RFC 2696) until there are no more, or
// more than limit.
func (w *wire) searchAll(q query, page, limit int) (found []*entry, err error) {
	cookie := ""
	for {
		more, answer, err := w.searchPage(q, pageControl(page, cookie))
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
		if cookie, err = nextPage(answer); err != nil || cookie == "" || len(found) > limit {
			return found, err
		}
	}
}
