package ldap

import (
	"bytes"
	"io"
	"net"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/google/go-cmp/cmp"
)

// told is a connection to a directory that has said all it will ever say.
type told struct {
	net.Conn
	answer io.Reader
}

func (c told) Read(b []byte) (int, error)  { return c.answer.Read(b) }
func (c told) Write(b []byte) (int, error) { return len(b), nil }

func hear(answer []byte) *wire { return newWire(told{answer: bytes.NewReader(answer)}) }

// Whatever a directory says, reading it ends, and without a panic.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte("\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00"))
	f.Add([]byte("\x30\x2b\x02\x01\x01\x61\x07\x0a\x01\x31\x04\x00\x04\x00\xa0\x1d\x30\x1b\x04\x191.3.6.1.4.1.42.2.27.8.5.1"))
	f.Add([]byte("\x30\x18\x02\x01\x01\x64\x13\x04\x04dc=x\x30\x0b\x30\x09\x04\x02cn\x31\x03\x04\x01x\x30\x0c\x02\x01\x01\x65\x07\x0a\x01\x00\x04\x00\x04\x00"))
	f.Add([]byte("\x30\x05\x02\x01\x01\x73\x00\x30\x84\x00\x00\x00\x0c\x02\x01\x01\x65\x07\x0a\x01\x04\x04\x00\x04\x00"))
	f.Add([]byte("\x30\x84\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		hear(answer).bind("cn=x", "secret", askPolicy)
		hear(answer).startTLS()
		q := query{filter: presence("cn")}
		hear(answer).searchAll(q, groupPage, maxGroups)
		hear(answer).search(q)
	})
}

// An entry that is too large to be read says nothing of the server: it answered.
// Only the connection is of no more use.
func TestAnswerTooLargeEndsConnection(t *testing.T) {
	w := hear([]byte("\x30\x84\x00\x90\x00\x00\x02\x01\x01"))
	_, err := w.search(query{filter: presence("cn")})
	if !answered(err) || (&conn{wire: w}).usable() {
		t.Errorf("error is %v, with the connection usable: %t", err, (&conn{wire: w}).usable())
	}
}

// Each make of directory has its own way of writing a length.
func TestLengthMayHaveAnyForm(t *testing.T) {
	for _, length := range []string{"\x0c", "\x81\x0c", "\x82\x00\x0c", "\x84\x00\x00\x00\x0c"} {
		answer := "\x30" + length + "\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00"
		if _, err := hear([]byte(answer)).bind("cn=x", "secret"); err != nil {
			t.Errorf("length %x: %v", length, err)
		}
	}
}

// What is said to a directory is what another library understands.
func TestNumbersAreWrittenAsShortAsTheyCan(t *testing.T) {
	for _, n := range []int{0, 1, 127, 128, 255, 256, 32767, 32768, 1<<31 - 1} {
		var e encoder
		e.number(tagInteger, n)
		packet, err := ber.DecodePacketErr(e.b)
		if err != nil || packet.Value != int64(n) || !bytes.Equal(e.b, ber.NewInteger(0, 0, tagInteger, n, "").Bytes()) {
			t.Errorf("%d is written % x", n, e.b)
		}
		d := decoder{rest: string(e.b)}
		if got := d.number(tagInteger); got != n || d.bad {
			t.Errorf("%d is read as %d", n, got)
		}
	}
}

// An entry is read as another library reads it.
func FuzzEntry(f *testing.F) {
	ber.MaxPacketLengthBytes = 1 << 20 // it allocates what a length promises
	f.Add([]byte("\x04\x04dc=x\x30\x0b\x30\x09\x04\x02cn\x31\x03\x04\x01x"))
	f.Add([]byte("\x04\x00\x30\x00"))
	f.Add([]byte("\x04\x04dc=x\x30\x10\x30\x0e\x04\x02cn\x31\x84\x00\x00\x00\x04\x04\x00\x04\x00"))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := decodeEntry(string(body))
		if err != nil {
			return
		}
		reader := bytes.NewReader(body)
		dn, err := ber.ReadPacket(reader)
		if err != nil {
			t.Fatal(err)
		}
		list, err := ber.ReadPacket(reader)
		if err != nil {
			return // what an extension added is looked into by that library alone
		}
		want := &entry{dn: dn.Data.String()}
		for _, one := range list.Children {
			a := attribute{name: one.Children[0].Data.String()}
			for _, value := range one.Children[1].Children {
				a.values = append(a.values, value.Data.String())
			}
			want.attributes = append(want.attributes, a)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(entry{}, attribute{})); diff != "" {
			t.Errorf("entry (-want +got):\n%s", diff)
		}
	})
}
