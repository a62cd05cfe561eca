package ldap_test

import (
	"bufio"
	"fmt"
	"net"
	"sync"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	goldap "github.com/go-ldap/ldap/v3"
)

// script is a directory that answers what a test says, in the words of makes
// of directory that cannot be run here, and notes what it was asked.
type script struct {
	URL    string
	bind   func(dn, password string) answer
	search func(base, filter string) answer
	read   func(dn string, attributes []string) answer // a search for one entry by its DN; nil: as search

	mu    sync.Mutex
	asked []string
	by    [][]string // what was asked, by connection
}

type answer struct {
	code    int
	text    string
	entries []*goldap.Entry
}

// start serves the script until the end of the test.
func (s *script) start(t testing.TB) *script {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.URL = "ldap://" + l.Addr().String()
	var serving sync.WaitGroup
	t.Cleanup(serving.Wait)
	t.Cleanup(func() { l.Close() })
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.by = append(s.by, nil)
			n := len(s.by) - 1
			s.mu.Unlock()
			serving.Go(func() {
				defer c.Close()
				s.serve(n, c)
			})
		}
	})
	return s
}

func (s *script) serve(n int, c net.Conn) {
	r := bufio.NewReader(c)
	for {
		request, err := ber.ReadPacket(r)
		if err != nil {
			return
		}
		id, op := request.Children[0].Value.(int64), request.Children[1]
		var a answer
		switch op.Tag {
		case goldap.ApplicationBindRequest:
			dn, password := op.Children[1].Data.String(), op.Children[2].Data.String()
			a = s.note(n, "bind "+dn, s.bind(dn, password))
		case goldap.ApplicationSearchRequest:
			base := op.Children[0].Data.String()
			filter, err := goldap.DecompileFilter(op.Children[6])
			if err != nil {
				return
			}
			if op.Children[1].Value.(int64) == goldap.ScopeBaseObject && s.read != nil {
				a = s.note(n, "read "+base, s.read(base, attributesOf(op)))
				break
			}
			a = s.note(n, fmt.Sprintf("search %s %s", base, filter), s.search(base, filter))
		default:
			return
		}
		for _, e := range a.entries {
			if _, err := c.Write(message(id, entryPacket(e)).Bytes()); err != nil {
				return
			}
		}
		done := ber.Encode(ber.ClassApplication, ber.TypeConstructed, answerTag[op.Tag], nil, "")
		addResult(done, a)
		if _, err := c.Write(message(id, done).Bytes()); err != nil {
			return
		}
	}
}

// attributesOf is what a search asks for.
func attributesOf(op *ber.Packet) (names []string) {
	for _, name := range op.Children[7].Children {
		names = append(names, name.Data.String())
	}
	return names
}

func (s *script) note(connection int, what string, a answer) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, what)
	s.by[connection] = append(s.by[connection], what)
	return a
}

var answerTag = map[ber.Tag]ber.Tag{
	goldap.ApplicationBindRequest:   goldap.ApplicationBindResponse,
	goldap.ApplicationSearchRequest: goldap.ApplicationSearchResultDone,
}

// heard returns what was asked since it was called last.
func (s *script) heard() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked = nil
	return asked
}

func message(id int64, op *ber.Packet) *ber.Packet {
	m := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
	m.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""))
	m.AppendChild(op)
	return m
}

func addResult(op *ber.Packet, a answer) {
	op.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, int64(a.code), ""))
	op.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, "", ""))
	op.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, a.text, ""))
}

func entryPacket(e *goldap.Entry) *ber.Packet {
	op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, goldap.ApplicationSearchResultEntry, nil, "")
	op.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, e.DN, ""))
	attributes := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
	for _, a := range e.Attributes {
		attribute := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
		attribute.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, a.Name, ""))
		set := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
		for _, v := range a.Values {
			set.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, v, ""))
		}
		attribute.AppendChild(set)
		attributes.AppendChild(attribute)
	}
	op.AppendChild(attributes)
	return op
}
