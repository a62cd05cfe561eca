package ldap

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
func (d *directory) complete(ctx context.Context, e *ldap.Entry) error {
	for i := 0; i < len(e.Attributes); i++ {
		a := e.Attributes[i]
		name, next, partly := cutRange(a.Name)
		if !partly {
			continue
		}
		if err := d.readRest(ctx, e.DN, name, next, a); err != nil {
			return sdk.Unavailable(fmt.Errorf("read all values of %s of %q: %w", name, e.DN, err))
		}
		a.Name = name
		others := len(e.Attributes)
		e.Attributes = slices.DeleteFunc(e.Attributes, func(other *ldap.EntryAttribute) bool {
			return other != a && strings.EqualFold(other.Name, name) // the same without values
		})
		i -= others - len(e.Attributes)
	}
	return nil
}

var errManyValues = fmt.Errorf("there are more than %d; for groups, use groups.nested in_chain or groups.filter", maxValues)

// readRest adds to an attribute of the entry dn its values from next on; 0 is none.
func (d *directory) readRest(ctx context.Context, dn, name string, next int, a *ldap.EntryAttribute) error {
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
		_, after, _ := cutRange(rest.Name)
		if after > 0 && after <= next {
			return errors.New("the directory repeats itself")
		}
		next = after
		a.Values = append(a.Values, rest.Values...)
		a.ByteValues = append(a.ByteValues, rest.ByteValues...)
		if len(a.ByteValues) > maxValues {
			return errManyValues
		}
	}
	return errManyValues
}

// readFrom returns an attribute's values from the given one on, as many as the directory gives.
func (d *directory) readFrom(ctx context.Context, dn, name string, from int) (*ldap.EntryAttribute, error) {
	asked := fmt.Sprintf("%s;range=%d-*", name, from)
	result, err := d.search(ctx, ldap.NewSearchRequest(dn, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 1, d.timeLimit, false,
		"(objectClass=*)", []string{asked}, nil))
	if err != nil {
		return nil, err
	}
	for _, e := range result.Entries {
		for _, a := range e.Attributes {
			if got, _, partly := cutRange(a.Name); partly && strings.EqualFold(got, name) {
				return a, nil
			}
		}
	}
	return nil, errors.New("the directory does not answer the next ones")
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
