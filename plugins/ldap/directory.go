package ldap

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/go-ldap/ldap/v3"
)

// directory is a Config made ready: parsed, checked, with its connections.
type directory struct {
	pool      *pool
	timeLimit int // for a search, in seconds, as the server is told

	base      dnTemplate
	scope     int
	filter    *filterTemplate
	usernames usernames

	attributes Attributes
	claims     map[string]Claim
	groups     groups
	atLogin    []string // the attributes of an entry that are asked for
	atRefresh  []string // the same, with all that tell the account's state
	lockout    time.Duration

	decoyDN     string
	decoySecret sdk.Secret
}

// openDirectory checks a configuration and makes it ready; it connects to nothing.
// The error joins all faults.
func openDirectory(c Config) (*directory, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	faults := []error{c.check()}
	fault := func(key string, err error) {
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", key, err))
		}
	}
	d := &directory{
		scope:       scopes[c.Scope],
		attributes:  c.Attributes,
		claims:      c.Claims,
		lockout:     time.Duration(c.LockoutDuration),
		decoySecret: sdk.Secret(rand.Text()),
	}
	servers, err := newServers(c)
	faults = append(faults, err)
	d.base, err = parseDNTemplate(c.Base)
	fault("base", err)
	d.filter, err = parseFilterTemplate(c.Filter)
	fault("filter", err)
	d.usernames, err = newUsernames(c.Usernames)
	fault("usernames.upn_filter", err)
	d.groups, err = newGroups(c.Groups, d.base.root)
	fault("groups", err)
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	d.decoyDN = c.decoyDN(d.base.root)
	d.atLogin = d.attributesToFetch(loginAttributes(c.Directory))
	d.atRefresh = d.attributesToFetch(stateAttributes)
	limit := c.Timeout.or(5 * time.Second)
	d.timeLimit = max(1, int(limit/time.Second))
	d.pool = newPool(servers, cmp.Or(c.Connections, 16), limit, c.IdleTimeout.or(time.Minute))
	return d, nil
}

func (d *directory) close() { d.pool.close() }

var scopes = map[string]int{"": ldap.ScopeWholeSubtree, "sub": ldap.ScopeWholeSubtree, "one": ldap.ScopeSingleLevel, "base": ldap.ScopeBaseObject}

// check finds faults that lie in single values.
func (c Config) check() error {
	var faults []error
	if _, ok := scopes[c.Scope]; !ok {
		faults = append(faults, fmt.Errorf("scope: %q is none of sub, one and base", c.Scope))
	}
	if c.Base == "" {
		faults = append(faults, errors.New("base: name the DN that people are under"))
	}
	if c.BindDN != "" && c.BindPassword == "" {
		faults = append(faults, errors.New("bind_password: must not be empty where there is a bind_dn"))
	}
	if c.BindExternal && c.BindDN != "" {
		faults = append(faults, errors.New("bind_external: leave out bind_dn and bind_password"))
	}
	if c.Connections < 0 || c.Connections > 1024 {
		faults = append(faults, errors.New("connections: must be from 1 to 1024"))
	}
	if _, err := ldap.ParseDN(c.DecoyDN); err != nil {
		faults = append(faults, fmt.Errorf("decoy_dn: %w", err))
	}
	for name, claim := range c.Claims {
		if claim.Attribute == "" {
			faults = append(faults, fmt.Errorf("claims.%s.attribute: must not be empty", name))
		}
		if _, ok := encodings[claim.Binary]; !ok {
			faults = append(faults, fmt.Errorf("claims.%s.binary: %q is none of base64, hex, guid and sid", name, claim.Binary))
		}
	}
	return errors.Join(faults...)
}

func (c Config) decoyDN(root string) string {
	if c.DecoyDN != "" {
		return c.DecoyDN
	}
	return strings.TrimSuffix("cn="+strings.ToLower(rand.Text())+","+root, ",")
}

// attributesToFetch is every attribute that an identity and its groups are made
// of, and those of the account's state.
func (d *directory) attributesToFetch(state []string) []string {
	a := d.attributes
	names := []string{a.Subject, a.Username, a.Name, a.Email, a.Organisation, a.Units, a.Roles, d.groups.attribute}
	for _, claim := range d.claims {
		names = append(names, claim.Attribute)
	}
	for _, name := range d.groups.filter.placeholders() {
		if !slices.Contains(groupPlaceholders, name) {
			names = append(names, name)
		}
	}
	names = append(names, state...)
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	names = slices.CompactFunc(names, strings.EqualFold)
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}
