package ldap

import (
	"context"
	"errors"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/go-ldap/ldap/v3"
)

// askPolicy asks to be told why a bind is refused.
var askPolicy = control{oid: ldap.ControlTypeBeheraPasswordPolicy}

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
func (d *directory) tryBind(ctx context.Context, dn string, password sdk.Secret) (controls []control, err error) {
	err = d.pool.do(ctx, binding, func(w *wire) (err error) {
		controls, err = w.bind(dn, password.Reveal(), askPolicy)
		return err
	})
	return controls, err
}
