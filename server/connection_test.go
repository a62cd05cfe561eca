package server_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/nettest"

	"github.com/claimsmith/claimsmith/server"
)

func TestConnectionIsANetConn(t *testing.T) {
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		inner, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, nil, nil, err
		}
		defer inner.Close()
		if c2, err = net.Dial("tcp", inner.Addr().String()); err != nil {
			return nil, nil, nil, err
		}
		c1, err = server.Listen(inner).Accept()
		return c1, c2, func() { c1.Close(); c2.Close() }, err
	})
}

// pipes is a listener in memory.
type pipes struct{ conns chan net.Conn }

func (p pipes) Accept() (net.Conn, error) {
	if c, ok := <-p.conns; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (p pipes) Close() error   { close(p.conns); return nil }
func (p pipes) Addr() net.Addr { return new(net.TCPAddr) }

// caller is the caller's end of a connection.
type caller struct {
	net.Conn
	left chan time.Time // when the server closed its own
}

// theirs is the server's end.
type theirs struct {
	net.Conn
	close func()
}

func (c theirs) Close() error { c.close(); return c.Conn.Close() }

func (p pipes) dial() caller {
	ours, server := net.Pipe()
	c := caller{ours, make(chan time.Time, 1)}
	p.conns <- theirs{server, sync.OnceFunc(func() { c.left <- time.Now() })}
	return c
}

func TestEachDirectionEndsInItsOwnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pipes{make(chan net.Conn, 1)}
		defer p.dial().Close()
		c, err := server.Listen(p).Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		begun := time.Now()
		c.SetDeadline(begun.Add(time.Second))
		c.SetReadDeadline(begun.Add(time.Hour))
		c.SetWriteDeadline(begun.Add(time.Minute))
		for _, end := range []struct {
			of    func([]byte) (int, error)
			after time.Duration
		}{{c.Write, time.Minute}, {c.Read, time.Hour}} {
			if _, err := end.of(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begun) != end.after {
				t.Errorf("after %v, want %v: %v", time.Since(begun), end.after, err)
			}
		}
	})
}

// serving calls f with a connection to a server, in a time of its own.
func serving(t *testing.T, f func(c caller)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		public, ended := pipes{make(chan net.Conn)}, make(chan error)
		s := newServer(new(lines), func(c *server.Config) {
			c.Public = public
			c.Site.Endpoints = []server.Mounter{endpoint{"/token", func(w http.ResponseWriter, r *http.Request) {
				if _, err := io.Copy(io.Discard, r.Body); err != nil {
					panic(http.ErrAbortHandler)
				}
				io.WriteString(w, strings.Repeat("answer", 1000))
			}}}
		})
		go func() { ended <- s.Run(ctx) }()
		c := public.dial()
		f(c)
		c.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

const (
	request  = "GET /token HTTP/1.1\r\nHost: h\r\n\r\n"
	withBody = "POST /token HTTP/1.1\r\nHost: h\r\nContent-Length: 500\r\n\r\n"
)

// say sends a text, and then a byte every second for as long as it may.
func (c caller) say(text string, more bool) {
	_, err := io.WriteString(c, text)
	for more && err == nil {
		time.Sleep(time.Second)
		_, err = io.WriteString(c, "x")
	}
}

// ask sends a request and reads its answer.
func (c caller) ask(t *testing.T) {
	t.Helper()
	go c.say(request, false)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(resp.Body); err != nil || len(body) != 6000 {
		t.Fatalf("%d bytes, %v", len(body), err)
	}
}

func TestSlowCallersAreLetGo(t *testing.T) {
	for _, tt := range []struct {
		name  string
		asks  int // so often before, every 9 seconds
		says  string
		more  bool // bit by bit
		deaf  bool // reads no answer
		after time.Duration
	}{
		{"silence", 0, "", false, false, 10 * time.Second},
		{"half a header", 0, request[:20], false, false, 10 * time.Second},
		{"a header bit by bit", 0, request[:20], true, false, 10 * time.Second},
		{"no body", 0, withBody, false, false, 10 * time.Second},
		{"a body bit by bit", 0, withBody, true, false, 10 * time.Second},
		{"an answer that is not read", 0, request, false, true, time.Minute},
		{"silence between requests", 100, "", false, false, 2 * time.Minute},
		{"half a header of a later request", 100, request[:20], false, false, 10 * time.Second},
		{"a body bit by bit of a later request", 100, withBody, true, false, 10 * time.Second},
		{"a later answer that is not read", 100, request, false, true, time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			serving(t, func(c caller) {
				for range tt.asks {
					time.Sleep(9 * time.Second)
					c.ask(t)
				}
				begun := time.Now()
				var group sync.WaitGroup
				group.Go(func() { c.say(tt.says, tt.more) })
				if !tt.deaf {
					group.Go(func() { io.Copy(io.Discard, c) })
				}
				if took := (<-c.left).Sub(begun); took != tt.after {
					t.Errorf("after %v, want %v", took, tt.after)
				}
				group.Wait()
			})
		})
	}
}

// BenchmarkDeadlines moves the deadlines as net/http does for one request: of a
// TCP connection itself, and of ours.
func BenchmarkDeadlines(b *testing.B) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer inner.Close()
	tcp, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer tcp.Close()
	ours, err := server.Listen(inner).Accept()
	if err != nil {
		b.Fatal(err)
	}
	defer ours.Close()
	for name, c := range map[string]net.Conn{"tcp": tcp, "ours": ours} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				now := time.Now()
				c.SetReadDeadline(now.Add(10 * time.Second)) // of the header
				c.SetReadDeadline(now.Add(10 * time.Second)) // of the body
				c.SetWriteDeadline(now.Add(time.Minute))
				c.SetReadDeadline(time.Time{})
				c.SetReadDeadline(time.Unix(1, 0)) // the handler has returned
				c.SetReadDeadline(time.Time{})
				c.SetWriteDeadline(time.Time{})
				c.SetReadDeadline(now.Add(2 * time.Minute)) // until the next request
			}
		})
	}
}
