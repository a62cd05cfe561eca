package ldap

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/go-ldap/ldap/v3"
)

// Active Directory answers some 1500 values of an attribute at a time, under a
// name that says which: memberOf;range=0-1499, and at last memberOf;range=3000-*.
const (
	maxRanges = 16          // answers that the values of one attribute may fill
	maxValues = sdk.MaxList // of one attribute that does not fit an answer
)

// complete asks for the values that an answer had no room for, and gives every
// attribute its plain name.
func (d *directory) complete(ctx context.Context, e *entry) error {
	for i := range e.attributes {
		name, next, partly := cutRange(e.attributes[i].name)
		if !partly {
			continue
		}
		if err := d.readRest(ctx, e.dn, name, next, &e.attributes[i]); err != nil {
			return sdk.Unavailable(fmt.Errorf("read all values of %s of %q: %w", name, e.dn, err))
		}
		for j := range e.attributes {
			if strings.EqualFold(e.attributes[j].name, name) {
				e.attributes[j].name = "" // the same, without values
			}
		}
		e.attributes[i].name = name
	}
	return nil
}

var errManyValues = fmt.Errorf("there are more than %d; for groups, use groups.nested in_chain or groups.filter", maxValues)

// readRest adds to an attribute of the entry dn its values from next on; 0 is none.
func (d *directory) readRest(ctx context.Context, dn, name string, next int, a *attribute) error {
	for range maxRanges {
		if next == 0 {
			return nil
		}
		if next < 0 {
			return errors.New("the directory does not say which these are")
		}
		rest, err := d.readFrom(ctx, dn, name, next)
		if err != nil {
			return err
		}
		_, after, _ := cutRange(rest.name)
		if after > 0 && after <= next {
			return errors.New("the directory repeats itself")
		}
		next = after
		a.values = append(a.values, rest.values...)
		if len(a.values) > maxValues {
			return errManyValues
		}
	}
	return errManyValues
}

// readFrom returns an attribute's values from the given one on, as many as the directory gives.
func (d *directory) readFrom(ctx context.Context, dn, name string, from int) (attribute, error) {
	asked := fmt.Sprintf("%s;range=%d-*", name, from)
	found, err := d.search(ctx, query{base: dn, scope: ldap.ScopeBaseObject, filter: presence("objectClass"), attributes: []string{asked},
		entries: 1, seconds: d.timeLimit})
	if err != nil {
		return attribute{}, err
	}
	for _, e := range found {
		for _, a := range e.attributes {
			if got, _, partly := cutRange(a.name); partly && strings.EqualFold(got, name) {
				return a, nil
			}
		}
	}
	return attribute{}, errors.New("the directory does not answer the next ones")
}

// cutRange takes the range off an attribute's name. The values go on at next; 0
// if these are the last, negative if that cannot be told.
func cutRange(attribute string) (name string, next int, partly bool) {
	at := strings.Index(strings.ToLower(attribute), ";range=")
	if at < 0 {
		return attribute, 0, false
	}
	_, last, _ := strings.Cut(attribute[at:], "-")
	if last == "*" {
		return attribute[:at], 0, true
	}
	n, err := strconv.ParseUint(last, 10, 31)
	if err != nil {
		return attribute[:at], -1, true
	}
	return attribute[:at], int(n) + 1, true
}
