package database_test

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// door stands before a database server. It is open, shut (who comes is sent
// away, who is inside too) or stuck (nothing comes through, either way).
type door struct {
	URL string // as the server's

	mu     sync.Mutex
	turned sync.Cond
	state  string
	inside map[net.Conn]bool
}

func newDoor(t testing.TB, server string) *door {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	address := u.Host
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u.Host = l.Addr().String()
	d := &door{URL: u.String(), state: "open", inside: map[net.Conn]bool{}}
	d.turned.L = &d.mu
	var open sync.WaitGroup
	open.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() { d.let(in, address) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		d.set("shut")
		open.Wait()
	})
	return d
}

// set turns the door.
func (d *door) set(state string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.state = state
	if state == "shut" {
		for conn := range d.inside {
			conn.Close()
		}
	}
	d.turned.Broadcast()
}

func (d *door) let(in net.Conn, address string) {
	defer in.Close()
	out, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer out.Close()
	d.mu.Lock()
	if d.state == "shut" {
		d.mu.Unlock()
		return
	}
	d.inside[in], d.inside[out] = true, true
	d.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { d.pass(in, out) })
	both.Go(func() { d.pass(out, in) })
	both.Wait()
	d.mu.Lock()
	delete(d.inside, in)
	delete(d.inside, out)
	d.mu.Unlock()
}

func (d *door) pass(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	io.Copy(to, through{from, d})
}

// through is a connection of which nothing can be read while the door is stuck.
type through struct {
	net.Conn
	*door
}

func (c through) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.state == "stuck" {
		c.turned.Wait()
	}
	return n, err
}
