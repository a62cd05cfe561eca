package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
)

func openMySQL(c Config) (*DB, error) {
	config, err := mysqlConfig(c)
	if err != nil {
		return nil, err
	}
	if _, err := mysql.NewConnector(config); err != nil {
		return nil, errors.New("the URL's options do not fit together")
	}
	connector := unavailableConnector{mysqlConnector{config}}
	db := pool(sqlx.NewDb(sql.OpenDB(connector), "mysql"), c)
	return &DB{driver: MySQL, reads: db, writes: db, connector: connector}, nil
}

// mysqlConnector opens connections whose calls end with their contexts; see
// deadlineConn.
type mysqlConnector struct{ config *mysql.Config }

func (c mysqlConnector) Driver() driver.Driver { return &mysql.MySQLDriver{} }

func (c mysqlConnector) Connect(ctx context.Context) (driver.Conn, error) {
	var wire *deadlineConn
	config := c.config.Clone()
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, network, address)
		wire = &deadlineConn{Conn: conn}
		return wire, err
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	conn, err := connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &boundConn{conn.(sqlConn), wire}, nil
}

func mysqlConfig(c Config) (*mysql.Config, error) {
	u, password, err := parseURL(c)
	if err != nil {
		return nil, err
	}
	options := u.Query()
	network, address := "tcp", u.Host
	if socket := options.Get("socket"); socket != "" {
		network, address = "unix", socket
		options.Del("socket")
	} else if u.Port() == "" {
		address = net.JoinHostPort(u.Hostname(), "3306")
	}
	// ParseDSN is the driver's only way to read options.
	config, err := mysql.ParseDSN("tcp(host)/?" + joined(options))
	if err != nil {
		return nil, fmt.Errorf("read the URL's options: %w", err)
	}
	config.Net, config.Addr = network, address
	config.User, config.Passwd = u.User.Username(), password
	config.DBName = strings.TrimPrefix(u.Path, "/")
	config.ParseTime = true
	config.ClientFoundRows = true // an update that changes nothing counts its row, as elsewhere
	config.Logger = &mysql.NopLogger{}
	if config.Timeout == 0 {
		config.Timeout = connectTimeout
	}
	return config, nil
}

// joined is options as ParseDSN reads them. It percent-decodes the values that may need
// it, such as those of system variables, and takes the others as they stand.
func joined(options url.Values) string {
	var pairs []string
	for name, values := range options {
		for _, value := range values {
			pairs = append(pairs, name+"="+url.QueryEscape(value))
		}
	}
	return strings.Join(pairs, "&")
}

// unavailableConnector says of every failure to connect that the database is
// unavailable: a refused password too may be right again a minute later.
type unavailableConnector struct{ driver.Connector }

func (c unavailableConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: connect: %w", ErrUnavailable, err)
	}
	return conn, nil
}
