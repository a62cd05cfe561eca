package database

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// record is a row of the operator's query, by column name in lower case.
type record map[string]any

func newRecord(row map[string]any) record {
	r := make(record, len(row))
	for name, value := range row {
		r[strings.ToLower(name)] = value
	}
	return r
}

// mapping says which columns fill what.
type mapping struct {
	columns map[string]string // field → column, in lower case
	claims  map[string]Claim
}

func newMapping(c Config) mapping {
	m := mapping{columns: make(map[string]string, len(fields)), claims: make(map[string]Claim, len(c.Claims))}
	for _, field := range fields {
		m.columns[field] = field
	}
	for field, column := range c.Columns {
		m.columns[field] = strings.ToLower(column)
	}
	for name, claim := range c.Claims {
		claim.Column = strings.ToLower(claim.Column)
		m.claims[name] = claim
	}
	return m
}

// field returns the value of a field and whether the row has its column.
func (m mapping) field(r record, field string) (any, bool) {
	value, ok := r[m.columns[field]]
	return value, ok
}

// missing is the error for a row without a column that must be there.
func (m mapping) missing(r record, field string) error {
	return fmt.Errorf("the query returns no column %q for %s, only %s: name the column so, or say which it is in columns",
		m.columns[field], field, strings.Join(slices.Sorted(maps.Keys(r)), ", "))
}

// account reads a row. asked is what the caller said, for facts that the query
// was given and does not return.
func (m mapping) account(r record, asked map[string]string, now time.Time) (account, error) {
	field := func(name string) string {
		value, ok := m.field(r, name)
		if !ok {
			return asked[name]
		}
		return text(value)
	}
	a := account{identity: sdk.Identity{
		Subject: field("subject"), Username: field("username"), Name: field("name"), Email: field("email"),
		Organisation: field("organisation"), Unit: field("unit"),
	}}
	if _, ok := m.field(r, "subject"); !ok {
		return account{}, m.missing(r, "subject")
	}
	for name, target := range map[string]*[]string{
		"units": &a.identity.Units, "groups": &a.identity.Groups, "roles": &a.identity.Roles,
	} {
		if value, ok := m.field(r, name); ok && value != nil {
			*target = values(value)
		}
	}
	if err := m.status(r, &a, now); err != nil {
		return account{}, err
	}
	return a, m.addClaims(r, &a)
}

// status reads what keeps a person out. A time in disabled is when that begins,
// a time in locked is when that ends.
func (m mapping) status(r record, a *account, now time.Time) error {
	var err error
	flag := func(name string, at func(time.Time) bool) (set bool) {
		value, _ := m.field(r, name)
		if t, ok := value.(time.Time); ok {
			return at(t)
		}
		set, flagErr := truth(value)
		if flagErr != nil && err == nil {
			err = fmt.Errorf("column %q for %s %w", m.columns[name], name, flagErr)
		}
		return set
	}
	begun := func(t time.Time) bool { return !t.After(now) }
	a.disabled = flag("disabled", begun)
	a.locked = flag("locked", now.Before)
	a.mustChange = flag("must_change", begun)
	if err != nil {
		return err
	}
	value, _ := m.field(r, "expires")
	if a.identity.Expires, err = moment(value); err != nil {
		return fmt.Errorf("column %q for expires %w", m.columns["expires"], err)
	}
	return nil
}

func (m mapping) addClaims(r record, a *account) error {
	for name, claim := range m.claims {
		column, ok := r[claim.Column]
		if !ok {
			continue // it is in the details, or nowhere
		}
		value, err := claim.value(column)
		if err != nil {
			return fmt.Errorf("column %q for the claim %s is not of type %s", claim.Column, name, claim.As)
		}
		if value != nil {
			a.claim(name, value)
		}
	}
	return nil
}

func (a *account) claim(name string, value any) {
	if a.identity.Claims == nil {
		a.identity.Claims = map[string]any{}
	}
	a.identity.Claims[name] = value
}

// addDetails adds the columns of the details query, each as a list of its
// distinct values in the order in which they come.
func (m mapping) addDetails(rows []record, a *account) {
	add := func(list []string, name string) []string {
		for _, r := range rows {
			if value, ok := r[name]; ok && value != nil && !slices.Contains(list, text(value)) {
				list = append(list, text(value))
			}
		}
		return list
	}
	id := &a.identity
	id.Units = add(id.Units, m.columns["units"])
	id.Groups = add(id.Groups, m.columns["groups"])
	id.Roles = add(id.Roles, m.columns["roles"])
	for name, claim := range m.claims {
		if _, known := id.Claims[name]; known {
			continue
		}
		if list := add(nil, claim.Column); len(list) > 0 {
			a.claim(name, anyList(list))
		}
	}
}

// anyList returns a list as claims have lists.
func anyList(list []string) []any {
	values := make([]any, len(list))
	for i, s := range list {
		values[i] = s
	}
	return values
}
