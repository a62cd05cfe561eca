package floor

import (
	"context"
	"fmt"

	"github.com/go-ldap/ldap/v3"
)

// newLDAPStep is a search by the service account and a bind as what it found,
// on connections that are kept, apart for searches and for binds.
func newLDAPStep(c Config) (step, error) {
	d := c.Directory
	searches, err := dialDirectory(d, true)
	if err != nil {
		return nil, err
	}
	binds, err := dialDirectory(d, false)
	if err != nil {
		return nil, err
	}
	request := ldap.NewSearchRequest(d.Base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 2, 5, false,
		"(&(objectClass=person)(uid="+ldap.EscapeFilter(d.Username)+"))", []string{"entryUUID", "uid", "cn", "mail"}, nil)
	return func(context.Context) error {
		conn := <-searches
		found, err := conn.Search(request)
		searches <- conn
		if err != nil || len(found.Entries) != 1 {
			return fmt.Errorf("search: %w", err)
		}
		conn = <-binds
		err = conn.Bind(found.Entries[0].DN, d.UserPassword)
		binds <- conn
		return err
	}, nil
}

// dialDirectory returns a pool of connections.
func dialDirectory(d Directory, bound bool) (chan *ldap.Conn, error) {
	pool := make(chan *ldap.Conn, d.Connections)
	for range d.Connections {
		conn, err := ldap.DialURL(d.URL)
		if err == nil && bound {
			err = conn.Bind(d.BindDN, d.BindPassword)
		}
		if err != nil {
			return nil, fmt.Errorf("connect to the directory: %w", err)
		}
		pool <- conn
	}
	return pool, nil
}
