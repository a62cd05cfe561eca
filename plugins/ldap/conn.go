package ldap

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// purpose is what a connection is for, for as long as it lives.
type purpose int

const (
	searching purpose = iota // stays bound as the service account
	binding                  // takes the identity of whoever logs in, and never searches
	purposes
)

// conn is a connection to one of the servers, used by one call at a time.
type conn struct {
	*wire
	raw    net.Conn // under the TLS, if there is any
	server *server
	idle   time.Time // when it was last put back; zero if it is new
	closed bool      // by the end of a call's context
}

// errTimeout is the cause of a call's end when it is ours and not the caller's.
var errTimeout = errors.New("the directory did not answer in time")

// within runs f, which uses the connection, and closes the connection under it
// once ctx ends or the time is over.
func (c *conn) within(ctx context.Context, limit time.Duration, f func(*wire) error) error {
	if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > limit {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, limit, errTimeout)
		defer cancel()
	}
	stop := context.AfterFunc(ctx, func() { c.raw.Close() })
	err := f(c.wire)
	if stop() {
		return err
	}
	c.closed = true
	if err != nil && !answered(err) {
		return context.Cause(ctx)
	}
	return err
}

// usable is whether the next call may have the connection.
func (c *conn) usable() bool { return !c.closed && !c.unread }

func (c *conn) close() { c.raw.Close() }

// answered is whether the error is what a server said, rather than one of the
// connection to it.
func answered(err error) bool {
	_, ok := errors.AsType[*ldap.Error](err)
	return ok
}

// overloaded is whether a server says that another should be asked.
func overloaded(err error) bool {
	return ldap.IsErrorAnyOf(err, ldap.LDAPResultBusy, ldap.LDAPResultUnavailable)
}

// forgot is whether a server says that it no longer knows who is bound on a
// connection that was kept. It has done nothing then.
func (c *conn) forgot(err error) bool {
	return !c.idle.IsZero() && ldap.IsErrorWithCode(err, ldap.LDAPResultOperationsError)
}

// errServiceBind says that the service account is refused, which only a change
// of configuration, here or there, can cure.
var errServiceBind = errors.New("the directory refuses the service account: check bind_dn, bind_password and whether it wants TLS")

// bindService makes a connection one for searching. The answer shows as well that
// the server works, so an anonymous one binds too.
func (c *conn) bindService(a serviceAccount) error {
	var err error
	switch {
	case a.external:
		err = c.bindExternal()
	default: // as nobody if there is no name
		_, err = c.bind(a.dn, a.password.Reveal())
	}
	switch {
	case err == nil:
		return nil
	case ldap.IsErrorAnyOf(err, ldap.LDAPResultInvalidCredentials, ldap.LDAPResultInvalidDNSyntax, ldap.LDAPResultNoSuchObject,
		ldap.LDAPResultInappropriateAuthentication, ldap.LDAPResultAuthMethodNotSupported,
		ldap.LDAPResultStrongAuthRequired, ldap.LDAPResultConfidentialityRequired):
		return fmt.Errorf("%w: %w", errServiceBind, err)
	}
	return fmt.Errorf("bind as the service account: %w", err)
}
