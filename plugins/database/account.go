package database

import (
	"slices"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// account is a person as a database has them.
type account struct {
	identity sdk.Identity // Unit is the default unit
	password string       // the stored hash

	disabled, locked, mustChange bool
}

// admit returns the identity of an account whose password was right, or which
// has logged in before. unit is the unit asked for; "" is the default one.
func (a *account) admit(unit string, now time.Time) (sdk.Identity, error) {
	id := a.identity
	switch {
	case a.disabled:
		return sdk.Identity{}, sdk.Denied(sdk.Disabled)
	case a.locked:
		return sdk.Identity{}, sdk.Denied(sdk.Locked)
	case !id.Expires.IsZero() && !now.Before(id.Expires):
		return sdk.Identity{}, sdk.Denied(sdk.Expired)
	case a.mustChange:
		return sdk.Identity{}, sdk.Denied(sdk.MustChange)
	case unit != "" && unit != id.Unit && !slices.Contains(id.Units, unit):
		return sdk.Identity{}, sdk.Denied(sdk.Invalid)
	case unit != "":
		id.Unit = unit
	}
	return id, nil
}
