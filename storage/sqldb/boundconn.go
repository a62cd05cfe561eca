package sqldb

import (
	"context"
	"database/sql/driver"
	"errors"
	"net"
	"sync/atomic"
	"syscall"
	"time"
)

// deadlineConn is a network connection on which all waiting ends with a context.
//
// pq answers the end of a context by asking the server to cancel the statement and
// goes on reading until the server says that it has. A server that hangs never does.
// And neither pq nor the MySQL driver bounds a commit.
type deadlineConn struct {
	net.Conn
	expired atomic.Bool // a context has ended; the connection is of no further use
}

// SyscallConn lets the MySQL driver see whether the server has hung up meanwhile.
func (c *deadlineConn) SyscallConn() (syscall.RawConn, error) {
	if conn, ok := c.Conn.(syscall.Conn); ok {
		return conn.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}

var longAgo = time.Unix(1, 0)

// bind ends all waiting when ctx ends, until release is called.
func (c *deadlineConn) bind(ctx context.Context) (release func()) {
	if ctx.Done() == nil {
		return func() {}
	}
	stop := context.AfterFunc(ctx, func() {
		c.expired.Store(true)
		c.SetDeadline(longAgo)
	})
	return func() {
		if !stop() {
			c.expired.Store(true) // it is being done this moment
		}
	}
}

// sqlConn is what the connections of both drivers can do and database/sql asks for.
type sqlConn interface {
	driver.Conn
	driver.Pinger
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.SessionResetter
	driver.Validator
	driver.NamedValueChecker
}

// boundConn is a driver's connection with each call bound to its context.
type boundConn struct {
	sqlConn
	net *deadlineConn
}

func (c *boundConn) Ping(ctx context.Context) error {
	defer c.net.bind(ctx)()
	return c.sqlConn.Ping(ctx)
}

func (c *boundConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	defer c.net.bind(ctx)()
	return c.sqlConn.ExecContext(ctx, query, args)
}

func (c *boundConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	release := c.net.bind(ctx)
	rows, err := c.sqlConn.QueryContext(ctx, query, args)
	if err != nil {
		release()
		return nil, err
	}
	return boundRows{rows, release}, nil
}

func (c *boundConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	release := c.net.bind(ctx)
	tx, err := c.sqlConn.BeginTx(ctx, opts)
	if err != nil {
		release()
		return nil, err
	}
	return boundTx{tx, release}, nil
}

// ResetSession and IsValid keep database/sql from using the connection again.

func (c *boundConn) ResetSession(ctx context.Context) error {
	if c.net.expired.Load() {
		return driver.ErrBadConn
	}
	return c.sqlConn.ResetSession(ctx)
}

func (c *boundConn) IsValid() bool {
	return !c.net.expired.Load() && c.sqlConn.IsValid()
}

type boundRows struct {
	driver.Rows
	release func()
}

func (r boundRows) Close() error {
	defer r.release()
	return r.Rows.Close()
}

type boundTx struct {
	driver.Tx
	release func()
}

func (t boundTx) Commit() error {
	defer t.release()
	return t.Tx.Commit()
}

func (t boundTx) Rollback() error {
	defer t.release()
	return t.Tx.Rollback()
}
