package sqldb

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/lib/pq"
)

const (
	minReconnect = 100 * time.Millisecond
	maxReconnect = 5 * time.Second
	pingEvery    = 10 * time.Second
	silence      = 3 * pingEvery // after which the connection counts as lost
)

// Listen calls f with the payload of each notification on a channel of PostgreSQL,
// until the context ends. It has a connection of its own, which it opens again when
// it is lost; f("") then says, as it does at the first, that notifications may have
// been missed and that none will be from now on. On other databases it returns
// errors.ErrUnsupported.
func (d *DB) Listen(ctx context.Context, channel string, f func(payload string)) error {
	if d.driver != PostgreSQL {
		return errors.ErrUnsupported
	}
	l := pq.NewDialListener(listenDialer{ctx}, d.listenDSN, minReconnect, maxReconnect, nil)
	defer func() {
		l.Close()
		// It ends within maxReconnect, if it need not wait for a reader.
		go func() {
			for range l.Notify {
			}
		}()
	}()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	if err := l.Listen(channel); err != nil {
		return classify(ctx, err)
	}
	f("")

	var pings sync.WaitGroup
	defer pings.Wait()
	pings.Go(func() { keepAwake(ctx, l) })
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case n, open := <-l.Notify:
			switch {
			case !open:
				return ctx.Err() // only the end of ctx closes it
			case n == nil: // connected again
				f("")
			default:
				f(n.Extra)
			}
		}
	}
}

// keepAwake makes the server say something in less than the silence allowed.
func keepAwake(ctx context.Context, l *pq.Listener) {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			l.Ping() // a failure makes the listener connect again
		}
	}
}

// listenDialer dials connections that are closed when ctx ends, or when nothing has
// been heard on them for too long.
type listenDialer struct{ ctx context.Context }

func (d listenDialer) Dial(network, address string) (net.Conn, error) {
	return d.DialTimeout(network, address, connectTimeout)
}

func (d listenDialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	dialer := net.Dialer{Timeout: timeout}
	conn, err := dialer.DialContext(d.ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &listenConn{conn, context.AfterFunc(d.ctx, func() { conn.Close() })}, nil
}

type listenConn struct {
	net.Conn
	stop func() bool
}

func (c *listenConn) Read(p []byte) (int, error) {
	c.SetReadDeadline(time.Now().Add(silence))
	return c.Conn.Read(p)
}

func (c *listenConn) Close() error {
	c.stop()
	return c.Conn.Close()
}
