package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net"
	"net/url"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

func openPostgres(c Config) (*DB, error) {
	dsn, err := postgresDSN(c)
	if err != nil {
		return nil, err
	}
	config, err := pq.NewConfig(dsn)
	if err != nil {
		// pq may quote what it does not understand, and that may be the password.
		return nil, errors.New("the URL's options, or those in the environment, are not PostgreSQL's")
	}
	connector := unavailableConnector{postgresConnector{config}}
	db := pool(sqlx.NewDb(sql.OpenDB(connector), "postgres"), c)
	return &DB{driver: PostgreSQL, reads: db, writes: db, connector: connector, listenDSN: dsn}, nil
}

// postgresDSN is the URL with the password and with the options that must be.
func postgresDSN(c Config) (string, error) {
	u, password, err := parseURL(c)
	if err != nil {
		return "", err
	}
	options := u.Query()
	// Otherwise pq prepares each statement, and behind a pooler such as PgBouncer
	// one caller then reads another's rows.
	options.Set("binary_parameters", "yes")
	if !options.Has("connect_timeout") {
		options.Set("connect_timeout", strconv.Itoa(int(connectTimeout.Seconds())))
	}
	if !options.Has("application_name") {
		options.Set("application_name", "claimsmith")
	}
	if password != "" && u.User != nil {
		u.User = url.UserPassword(u.User.Username(), password)
	} else if password != "" {
		options.Set("password", password)
	}
	u.RawQuery = options.Encode()
	return u.String(), nil
}

// postgresConnector opens connections whose calls end with their contexts even if
// the server has stopped to answer; see deadlineConn.
type postgresConnector struct{ config pq.Config }

func (c postgresConnector) Driver() driver.Driver { return &pq.Driver{} }

func (c postgresConnector) Connect(ctx context.Context) (driver.Conn, error) {
	connector, err := pq.NewConnectorConfig(c.config)
	if err != nil {
		return nil, err
	}
	d := &postgresDialer{connecting: ctx}
	connector.Dialer(d)
	conn, err := connector.Connect(ctx)
	d.connecting = nil
	if d.conn != nil {
		d.release()
	}
	if err != nil {
		return nil, err
	}
	if d.conn.expired.Load() {
		conn.Close()
		return nil, ctx.Err()
	}
	return &boundConn{conn.(sqlConn), d.conn}, nil
}

// postgresDialer dials for one connection: first for itself, with the context that it
// is opened for, and later for each request to cancel one of its statements.
type postgresDialer struct {
	connecting context.Context // nil once the connection stands
	conn       *deadlineConn
	release    func()
}

// cancelTimeout bounds a request to cancel, for which pq waits without a bound.
const cancelTimeout = 5 * time.Second

func (d *postgresDialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if d.connecting == nil {
		return conn, conn.SetDeadline(time.Now().Add(cancelTimeout))
	}
	if d.conn != nil { // the one before failed: another host, or without TLS
		d.release()
	}
	d.conn = &deadlineConn{Conn: conn}
	d.release = d.conn.bind(d.connecting)
	return d.conn, nil
}

// Dial and DialTimeout complete pq.Dialer; pq calls DialContext where there is one.
func (d *postgresDialer) Dial(network, address string) (net.Conn, error) {
	return d.DialTimeout(network, address, connectTimeout)
}

func (d *postgresDialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return d.DialContext(ctx, network, address)
}
