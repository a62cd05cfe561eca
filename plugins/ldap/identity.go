package ldap

import (
	"context"
	"fmt"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// identity makes an identity of an entry, searching for groups where it must.
func (d *directory) identity(ctx context.Context, e *entry, state account, t tenant) (sdk.Identity, error) {
	a := d.attributes
	subject := texts(e, a.Subject)
	if len(subject) != 1 || !isName(subject[0]) {
		return sdk.Identity{}, sdk.Unavailable(fmt.Errorf("read %q: it has %d values of %s, which attributes.subject says is there once",
			e.dn, len(subject), a.Subject))
	}
	id := sdk.Identity{
		Subject:  subject[0],
		Username: text(e, a.Username),
		Name:     text(e, a.Name),
		Email:    text(e, a.Email),
		Units:    texts(e, a.Units),
		Roles:    texts(e, a.Roles),
		Expires:  state.expires,
		Claims:   d.furtherClaims(e),
	}
	if err := d.settle(&id, e, t); err != nil {
		return sdk.Identity{}, err
	}
	var err error
	id.Groups, err = d.groupsOf(ctx, e, id)
	return id, err
}

func (d *directory) furtherClaims(e *entry) map[string]any {
	if len(d.claims) == 0 {
		return nil
	}
	claims := make(map[string]any, len(d.claims))
	for name, c := range d.claims {
		switch values := encoded(e, c.Attribute, c.Binary); {
		case len(values) == 0:
		case c.Multi:
			claims[name] = list(values)
		default:
			claims[name] = values[0]
		}
	}
	return claims
}

// list is the values as JSON knows lists.
func list(values []string) []any {
	items := make([]any, len(values))
	for i, v := range values {
		items[i] = v
	}
	return items
}
