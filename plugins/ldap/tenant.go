package ldap

import (
	"slices"
	"strings"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// tenant is the organisation and the unit that a login is for; "" where it named none.
type tenant struct {
	organisation, unit string
}

// values are the placeholders that an identity can fill again after its login.
func (t tenant) values(placeholder string) (string, bool) {
	var v string
	switch placeholder {
	case "organisation":
		v = t.organisation
	case "unit":
		v = t.unit
	}
	return v, isName(v)
}

// sameOrganisation is whether an entry is of the tenant's organisation, as
// far as entries tell theirs.
func (d *directory) sameOrganisation(e *entry, t tenant) bool {
	return t.organisation == "" || d.attributes.Organisation == "" ||
		containsFold(texts(e, d.attributes.Organisation), t.organisation)
}

// settle puts the tenant's organisation and unit into an identity. A unit that is
// not the person's is denied.
func (d *directory) settle(id *sdk.Identity, e *entry, t tenant) error {
	switch organisations := texts(e, d.attributes.Organisation); {
	case t.organisation == "" && len(organisations) > 0:
		id.Organisation = organisations[0]
	case d.attributes.Organisation != "":
		is := func(s string) bool { return strings.EqualFold(s, t.organisation) }
		if i := slices.IndexFunc(organisations, is); i >= 0 {
			id.Organisation = organisations[i]
		}
	case d.asksFor("organisation"):
		id.Organisation = t.organisation
	}
	if t.unit == "" || d.attributes.Units == "" {
		return nil
	}
	if !slices.Contains(id.Units, t.unit) {
		return sdk.Denied(sdk.Invalid)
	}
	id.Unit = t.unit
	return nil
}

// asksFor is whether a placeholder decides who is found.
func (d *directory) asksFor(placeholder string) bool {
	return slices.Contains(d.base.placeholders(), placeholder) || slices.Contains(d.filter.placeholders(), placeholder)
}
