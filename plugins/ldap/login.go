package ldap

import (
	"context"
	"errors"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// authenticate finds the entry, binds as it and reads its identity.
func (d *directory) authenticate(ctx context.Context, r sdk.Request) (sdk.Identity, error) {
	if r.Credential.Secret == "" {
		return sdk.Identity{}, sdk.Denied(sdk.Invalid)
	}
	entry, err := d.findLogin(ctx, r)
	if errors.Is(err, sdk.ErrUnavailable) {
		return sdk.Identity{}, err
	}
	if err != nil {
		return sdk.Identity{}, d.decoy(ctx, err)
	}
	state := readAccount(entry)
	if err := d.bind(ctx, entry.dn, r.Credential.Secret); err != nil {
		return sdk.Identity{}, d.explain(err, state)
	}
	if err := state.ended(time.Now()); err != nil {
		return sdk.Identity{}, err
	}
	return d.identity(ctx, entry, state, tenant{r.Attributes["organisation"], r.Attributes["unit"]})
}

// explain replaces a refusal by what the entry says of itself, if it is locked: many
// directories answer the same to the right password then as to a wrong one.
func (d *directory) explain(err error, state account) error {
	denied, ok := errors.AsType[*sdk.DeniedError](err)
	if !ok || denied.Reason != sdk.Invalid && denied.Reason != sdk.Locked {
		return err
	}
	if locked := state.locked(time.Now(), d.lockout); locked != nil {
		return locked
	}
	return err
}

// refresh reads the identity anew.
func (d *directory) refresh(ctx context.Context, id sdk.Identity) (sdk.Identity, error) {
	of := tenant{id.Organisation, id.Unit}
	entry, err := d.findSubject(ctx, id.Subject, of.values)
	if err != nil {
		return sdk.Identity{}, err
	}
	if !d.sameOrganisation(entry, of) {
		return sdk.Identity{}, sdk.ErrUnknown
	}
	state, now := readAccount(entry), time.Now()
	for _, err := range []error{state.ended(now), state.locked(now, d.lockout), state.passwordEnded()} {
		if err != nil {
			return sdk.Identity{}, err
		}
	}
	return d.identity(ctx, entry, state, of)
}

// lookup reads an identity that nobody proved.
func (d *directory) lookup(ctx context.Context, name string) (sdk.Identity, error) {
	r := sdk.Request{Credential: sdk.Credential{Username: name}}
	f, ok := d.loginFilter(r, present)
	if !ok {
		return sdk.Identity{}, sdk.ErrUnknown
	}
	base, scope := d.baseFor(said(r, name))
	entry, err := d.find(ctx, base, scope, f, d.atRefresh)
	if errors.Is(err, sdk.ErrUnknown) {
		entry, err = d.findSubject(ctx, name, tenant{}.values)
	}
	if errors.Is(err, sdk.ErrDenied) {
		return sdk.Identity{}, errors.Join(sdk.ErrUnknown, errors.New("two entries match"))
	}
	if err != nil {
		return sdk.Identity{}, err
	}
	return d.identity(ctx, entry, readAccount(entry), tenant{})
}
