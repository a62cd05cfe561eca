package ldap_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	goldap "github.com/go-ldap/ldap/v3"
)

// babble is a server that answers whatever it is asked first with the given bytes, and
// then that it will say nothing more. It returns its URL.
func babble(t *testing.T, answer string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if _, err := c.Read(make([]byte, 4096)); err == nil {
					io.WriteString(c, answer)
					c.(*net.TCPConn).CloseWrite()
					io.Copy(io.Discard, c)
				}
			}()
		}
	}()
	return "ldap://" + l.Addr().String()
}

const bound = "\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00" // success, to the first request

// A server that does not speak as it should is none that works, and not
// one that lets anybody in.
func TestNonsenseOfServerIsUnavailable(t *testing.T) {
	working := acme(t)
	for name, answer := range map[string]string{
		"a bind and no more":      bound,
		"nothing":                 "",
		"HTTP":                    "HTTP/1.1 400 Bad Request\r\n\r\n",
		"answer to another":       strings.Replace(bound, "\x02\x01\x01", "\x02\x01\x02", 1),
		"notice of disconnection": strings.Replace(bound, "\x02\x01\x01", "\x02\x01\x00", 1),
		"negative number":         strings.Replace(bound, "\x02\x01\x01", "\x02\x01\xff", 1),
		"answer to a search":      strings.Replace(bound, "\x61", "\x65", 1),
		"part of an answer":       bound[:8],
		"indefinite length":       "\x30\x80" + bound[2:],
		"4 GiB":                   "\x30\x84\xff\xff\xff\xff",
		"length of a length":      "\x30\xff",
		"short element":           "\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x7f\x04\x00",
		"high tag":                "\x30\x0c\x1f\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00",
	} {
		t.Run(name, func(t *testing.T) {
			c := forAcme(working, config{"urls": []string{babble(t, answer), working.URL}, "connect_timeout": "2s"})
			p := configured(t, c)
			if _, err := p.Authenticate(t.Context(), password("alice", "wonderland")); err != nil {
				t.Errorf("the second server does not stand in: %v", err)
			}
			c["urls"] = []string{babble(t, answer)}
			p = configured(t, c)
			_, err := p.Authenticate(t.Context(), password("alice", "wonderland"))
			if outcome(err) != "unavailable" {
				t.Fatalf("login is %s, want unavailable", outcome(err))
			}
			if connected := !strings.Contains(err.Error(), "connect to "); connected != (answer == bound) {
				t.Errorf("the answer is taken for that to a bind: %t (%v)", connected, err)
			}
		})
	}
}

// What stands on the wire behind the answer to StartTLS could be anybody's.
func TestPlainTextAfterStartTLSIsRefused(t *testing.T) {
	agreed := strings.Replace(bound, "\x61", "\x78", 1)
	l := acme(t)
	p := configured(t, forAcme(l, config{"urls": []string{babble(t, agreed+bound)}, "start_tls": true, "ca": l.CA}))
	_, err := p.Authenticate(t.Context(), password("alice", "wonderland"))
	if outcome(err) != "unavailable" || !strings.Contains(err.Error(), "plain text") {
		t.Errorf("login is %s (%v), want unavailable for the plain text", outcome(err), err)
	}
}

// A search for one person ends though the directory tells of very many, and the
// next one finds its own answer.
func TestFloodOfEntriesEnds(t *testing.T) {
	s := activeDirectory(t, answer{})
	search, flood := s.search, answer{}
	for i := range 9000 {
		flood.entries = append(flood.entries, goldap.NewEntry(fmt.Sprintf("CN=%d,DC=corp,DC=example", i), nil))
	}
	s.search = func(base, filter string) answer {
		if strings.Contains(filter, "=everybody)") {
			return flood
		}
		return search(base, filter)
	}
	p := configured(t, forAD(s, config{"connections": 1}))
	for range 3 {
		if _, err := p.Authenticate(t.Context(), password("everybody", "x")); outcome(err) != "denied: invalid" {
			t.Errorf("login of very many is %s", outcome(err))
		}
		if _, err := p.Authenticate(t.Context(), password("alice", "wonderland")); err != nil {
			t.Error(err)
		}
	}
}

// Connections that were cut while nobody used them cost nobody a login.
func TestConnectionsCutWhileIdleAreReplaced(t *testing.T) {
	l := acme(t)
	p := configured(t, forAcme(l, nil))
	for range 3 {
		if _, err := p.Authenticate(t.Context(), password("alice", "wonderland")); err != nil {
			t.Fatal(err)
		}
		l.Stop()
		l.Start()
	}
}
