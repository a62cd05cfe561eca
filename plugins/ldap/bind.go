package ldap

import (
	"context"
	"errors"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// askPolicy asks to be told why a bind is refused. It is encoded once.
var askPolicy = []ldap.Control{encodedControl{ldap.NewControlBeheraPasswordPolicy(), ldap.NewControlBeheraPasswordPolicy().Encode()}}

// encodedControl is a control that does not change.
type encodedControl struct {
	ldap.Control
	packet *ber.Packet // only read from
}

func (c encodedControl) Encode() *ber.Packet { return c.packet }

// bind is nil if the password opens the entry.
func (d *directory) bind(ctx context.Context, dn string, password sdk.Secret) error {
	if dn == "" || password == "" {
		return sdk.Denied(sdk.Invalid) // or the directory would take it for an anonymous bind, which succeeds
	}
	controls, err := d.tryBind(ctx, dn, password)
	if errors.Is(err, sdk.ErrUnavailable) {
		return err
	}
	return judge(err, controls)
}

// decoy does the work of a wrong password, then returns err. What the directory
// answers does not matter, unless it cannot answer.
func (d *directory) decoy(ctx context.Context, err error) error {
	if _, gone := d.tryBind(ctx, d.decoyDN, d.decoySecret); errors.Is(gone, sdk.ErrUnavailable) {
		return gone
	}
	return err
}

// tryBind returns what the directory answers to a bind, or an error that wraps sdk.ErrUnavailable.
func (d *directory) tryBind(ctx context.Context, dn string, password sdk.Secret) (controls []ldap.Control, err error) {
	request := ldap.NewSimpleBindRequest(dn, password.Reveal(), askPolicy)
	err = d.pool.do(ctx, binding, func(c *ldap.Conn) error {
		result, err := c.SimpleBind(request)
		if result != nil {
			controls = result.Controls
		}
		return err
	})
	return controls, err
}
