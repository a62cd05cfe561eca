package servertest

import (
	"net"
	"net/url"
	"sync"
	"testing"
)

// Line is a TCP line to a server, which a test breaks in the ways in which networks
// do. It works until it is told otherwise, and again after Mend.
type Line struct {
	// URL is that of the server, with the line's address instead.
	URL string

	t        testing.TB
	address  string
	server   string
	mu       sync.Mutex
	listener net.Listener
	flows    chan struct{} // closed unless the line is frozen
	mutes    bool          // connections are mute from the beginning
	wires    map[*wire]bool
}

// wire is one connection of a Line: near is the client's end, far the server's.
type wire struct {
	near, far net.Conn
	mute      bool // what the server says is lost; guarded by Line.mu
}

// NewLine returns a line to the server of a URL. It is cut at the end of the test.
func NewLine(t testing.TB, server string) *Line {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	l := &Line{t: t, server: u.Host, address: net.JoinHostPort("127.0.0.1", port), flows: make(chan struct{}), wires: map[*wire]bool{}}
	close(l.flows)
	u.Host = l.address
	l.URL = u.String()
	l.Mend()
	t.Cleanup(func() {
		l.Mend()
		l.Cut()
	})
	return l
}

// Cut ends all connections and refuses new ones.
func (l *Line) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.listener != nil {
		l.listener.Close()
		l.listener = nil
	}
	for w := range l.wires {
		w.close()
	}
	clear(l.wires)
}

// Freeze takes connections and lets nothing pass, until Mend lets it.
func (l *Line) Freeze() {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.flows:
		l.flows = make(chan struct{})
	default: // it is frozen
	}
}

// Mute loses what the server says, while it hears everything and does it. The
// connections that are open until Mend stay so, and hear nothing any more.
func (l *Line) Mute() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mutes = true
	for w := range l.wires {
		w.mute = true
	}
}

// Mend makes the line work for new connections, and lets flow what was frozen.
func (l *Line) Mend() {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mutes = false
	select {
	case <-l.flows:
	default:
		close(l.flows)
	}
	if l.listener != nil {
		return
	}
	listener, err := net.Listen("tcp", l.address)
	if err != nil {
		l.t.Fatal(err)
	}
	l.listener = listener
	go l.accept(listener)
}

func (l *Line) accept(listener net.Listener) {
	for {
		near, err := listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", l.server)
		if err != nil {
			near.Close()
			continue
		}
		l.mu.Lock()
		w := &wire{near: near, far: far, mute: l.mutes}
		l.wires[w] = true
		if l.listener != listener { // cut meanwhile
			w.close()
		}
		l.mu.Unlock()
		go l.carry(w, far, near)
		go l.carry(w, near, far)
	}
}

// carry passes on what one end says to the other, until either has ended. A mute
// connection stays when the server ends it.
func (l *Line) carry(w *wire, to, from net.Conn) {
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		mute := l.passes(w)
		if mute && from == w.far {
			if err != nil {
				return
			}
			continue
		}
		if _, werr := to.Write(buffer[:n]); err != nil || werr != nil && !mute {
			l.end(w)
			return
		}
	}
}

// passes returns, once the line is not frozen, whether a connection is mute.
func (l *Line) passes(w *wire) (mute bool) {
	l.mu.Lock()
	flows := l.flows
	l.mu.Unlock()
	<-flows
	l.mu.Lock()
	defer l.mu.Unlock()
	return w.mute
}

func (l *Line) end(w *wire) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.wires, w)
	w.close()
}

func (w *wire) close() {
	w.near.Close()
	w.far.Close()
}
