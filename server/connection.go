package server

import (
	"net"
	"sync"
	"time"
)

// listener accepts connections whose deadlines are cheap to move.
type listener struct{ net.Listener }

// Accept returns a *connection.
func (l listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newConnection(conn), nil
}

// connection is a net.Conn whose deadlines are cheap to move. net/http moves
// them eight times for each request, nearly always to a later time or away, and
// the runtime would reorder its timers each time. Here one timer serves both
// directions and stays where it is while that is early enough: when it fires, it
// ends what is due, and is set to what will be due next.
type connection struct {
	net.Conn
	begun time.Time

	mu          sync.Mutex
	read, write direction
	timer       *time.Timer
	fires       time.Time // when timer does; zero: never
	closed      bool
}

// direction is one direction of a connection.
type direction struct {
	tell func(time.Time) error // sets the deadline that the connection below knows
	due  time.Time             // the deadline; zero: never
	past bool                  // the connection below knows of one in the past, and of none otherwise
}

func newConnection(conn net.Conn) *connection {
	return &connection{
		Conn: conn, begun: time.Now(),
		read: direction{tell: conn.SetReadDeadline}, write: direction{tell: conn.SetWriteDeadline},
	}
}

// SetDeadline is SetReadDeadline and SetWriteDeadline.
func (c *connection) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetReadDeadline ends reading at t, as net.Conn has it.
func (c *connection) SetReadDeadline(t time.Time) error { return c.move(&c.read, t) }

// SetWriteDeadline ends writing at t, as net.Conn has it.
func (c *connection) SetWriteDeadline(t time.Time) error { return c.move(&c.write, t) }

func (c *connection) move(d *direction, t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	d.due = t
	if !t.IsZero() && (c.fires.IsZero() || t.Before(c.fires)) {
		var wait time.Duration
		if t.After(c.begun) { // net/http ends a read by a time long past
			wait = time.Until(t)
		}
		if wait <= 0 {
			d.past = true
			return d.tell(t)
		}
		c.fire(t, wait)
	}
	if !d.past {
		return nil
	}
	d.past = false
	return d.tell(time.Time{})
}

// fire has the timer fire at t, which is in so long.
func (c *connection) fire(t time.Time, wait time.Duration) {
	c.fires = t
	if c.timer == nil {
		c.timer = time.AfterFunc(wait, c.expire)
		return
	}
	c.timer.Reset(wait)
}

// expire ends what is due, and waits for what will be.
func (c *connection) expire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	now, next := time.Now(), time.Time{}
	for _, d := range [...]*direction{&c.read, &c.write} {
		switch {
		case d.due.IsZero() || d.past:
		case !d.due.After(now):
			d.past = true
			d.tell(now) // fails where it has been closed
		case next.IsZero() || d.due.Before(next):
			next = d.due
		}
	}
	c.fires = time.Time{}
	if !next.IsZero() {
		c.fire(next, next.Sub(now))
	}
}

// CloseWrite tells the peer that no more will come, where the connection can:
// net/http does it before it closes, lest a last answer be lost.
func (c *connection) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close closes the connection and ends its timer.
func (c *connection) Close() error {
	c.mu.Lock()
	c.closed = true
	if c.timer != nil {
		c.timer.Stop()
	}
	c.mu.Unlock()
	return c.Conn.Close()
}
