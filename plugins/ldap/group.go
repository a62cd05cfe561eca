package ldap

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/go-ldap/ldap/v3"
)

const (
	groupPage  = 500         // groups in an answer
	groupBatch = 32          // groups whose own groups one search asks for
	maxGroups  = sdk.MaxList // of one entry, nested ones included
)

// groups says how the groups of an entry are found.
type groups struct {
	attribute string
	filter    *filterTemplate // nil: no search
	base      string
	name      string
	depth     int // levels of groups of groups; 0 for none
}

// groupPlaceholders are those that stand for no attribute of the entry.
var groupPlaceholders = []string{"dn", "username", "subject"}

func newGroups(c Groups, root string) (groups, error) {
	g := groups{attribute: c.Attribute, base: cmp.Or(c.Base, root), name: cmp.Or(c.Name, "cn")}
	if _, err := ldap.ParseDN(g.base); err != nil {
		return g, fmt.Errorf("base: %w", err)
	}
	if c.Depth < 0 || c.Depth > 64 {
		return g, errors.New("depth: must be from 1 to 64")
	}
	text := c.Filter
	switch c.Nested {
	case "":
	case "in_chain":
		if text != "" {
			return g, errors.New("nested: in_chain takes the place of filter; leave filter out, or write the rule " + inChain + " into it")
		}
		text = "(&(objectClass=group)(member:" + inChain + ":={dn}))"
	case "recursive":
		if !strings.Contains(text, "{dn}") {
			return g, errors.New("nested: recursive needs a filter with {dn} in it, such as (&(objectClass=groupOfNames)(member={dn}))")
		}
		g.depth = cmp.Or(c.Depth, 8)
	default:
		return g, fmt.Errorf("nested: %q is none of in_chain and recursive", c.Nested)
	}
	if text == "" {
		return g, nil
	}
	var err error
	if g.filter, err = parseFilterTemplate(text); err != nil {
		return g, fmt.Errorf("filter: %w", err)
	}
	return g, nil
}

// membership collects the groups of one entry.
type membership struct {
	seen  map[string]bool // DNs, in one spelling
	names []string
	fresh []string // DNs of groups whose own groups have not been asked for
}

// add notes a group, once.
func (m *membership) add(dn, name string) {
	key := spelling(dn)
	if m.seen[key] {
		return
	}
	m.seen[key] = true
	m.fresh = append(m.fresh, dn)
	if name != "" {
		m.names = append(m.names, name)
	}
}

// groupsOf returns the names of an entry's groups, sorted.
func (d *directory) groupsOf(ctx context.Context, e *entry, id sdk.Identity) ([]string, error) {
	m := &membership{seen: map[string]bool{}}
	for _, value := range texts(e, d.groups.attribute) {
		m.add(value, d.groups.nameOf(value, nil))
	}
	if d.groups.filter != nil {
		f, _ := d.groups.filter.expand(ofEntry(e, id), never)
		if err := d.searchGroups(ctx, f, m); err != nil {
			return nil, err
		}
	}
	for range d.groups.depth {
		if len(m.fresh) == 0 {
			break
		}
		if err := d.ascend(ctx, m); err != nil {
			return nil, err
		}
	}
	slices.Sort(m.names)
	return slices.Compact(m.names), nil
}

// ascend adds the groups of the groups that are fresh.
func (d *directory) ascend(ctx context.Context, m *membership) error {
	below := m.fresh
	m.fresh = nil
	for batch := range slices.Chunk(below, groupBatch) {
		var filters []filter
		for _, dn := range batch {
			f, _ := d.groups.filter.expand(ofGroup(dn), never)
			filters = append(filters, f)
		}
		if err := d.searchGroups(ctx, joined(filterOr, filters...), m); err != nil {
			return err
		}
	}
	return nil
}

// searchGroups adds the groups that a filter finds, however many pages they fill.
func (d *directory) searchGroups(ctx context.Context, f filter, m *membership) error {
	attribute := d.groups.name
	if attribute == "dn" {
		attribute = "1.1" // none
	}
	q := query{base: d.groups.base, scope: ldap.ScopeWholeSubtree, filter: f, attributes: []string{attribute}, seconds: d.timeLimit}
	var found []*entry
	err := d.pool.do(ctx, searching, func(w *wire) (err error) {
		found, err = w.searchAll(q, groupPage, maxGroups)
		return err
	})
	if errors.Is(err, sdk.ErrUnavailable) {
		return err
	}
	if err != nil {
		return sdk.Unavailable(fmt.Errorf("search groups under %q: %w", d.groups.base, err))
	}
	for _, g := range found {
		m.add(g.dn, d.groups.nameOf(g.dn, g))
	}
	if len(m.seen) > maxGroups {
		return sdk.Unavailable(fmt.Errorf("search groups: one entry has more than %d", maxGroups))
	}
	return nil
}

// nameOf is what a group is called; e is nil if only the DN is known.
func (g groups) nameOf(dn string, e *entry) string {
	if g.name == "dn" {
		return dn
	}
	if parsed, err := ldap.ParseDN(dn); err == nil && len(parsed.RDNs) > 0 {
		for _, part := range parsed.RDNs[0].Attributes {
			if strings.EqualFold(part.Type, g.name) {
				return part.Value
			}
		}
	}
	if e == nil {
		return dn
	}
	return text(e, g.name)
}

// ofEntry returns what the placeholders of a group filter stand for.
func ofEntry(e *entry, id sdk.Identity) values {
	return func(placeholder string) (string, bool) {
		switch placeholder {
		case "dn":
			return e.dn, true
		case "username":
			return id.Username, id.Username != ""
		case "subject":
			return id.Subject, true
		}
		v := e.first(placeholder)
		return v, v != ""
	}
}

// ofGroup is the same for a group, of which only the DN is known.
func ofGroup(dn string) values {
	return func(placeholder string) (string, bool) { return dn, placeholder == "dn" }
}

// spelling writes a DN in one way, whoever wrote it.
func spelling(dn string) string {
	if parsed, err := ldap.ParseDN(dn); err == nil && len(parsed.RDNs) > 0 {
		dn = parsed.String()
	}
	return strings.ToLower(dn)
}
