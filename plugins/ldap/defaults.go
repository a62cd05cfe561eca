package ldap

import (
	"cmp"
	"fmt"
)

// inChain is Active Directory's rule that follows groups of groups (LDAP_MATCHING_RULE_IN_CHAIN).
const inChain = "1.2.840.113556.1.4.1941"

// withDefaults fills what the configuration leaves out, by the kind of
// directory. An attribute "-" becomes none.
func (c Config) withDefaults() (Config, error) {
	switch c.Directory {
	case "", "standard":
		c.Filter = cmp.Or(c.Filter, "(&(objectClass=person)(uid={username}))")
		c.Attributes = c.Attributes.or(Attributes{Subject: "entryUUID", Username: "uid", Name: "cn", Email: "mail"})
	case "active_directory":
		const person = "(&(objectCategory=person)(objectClass=user)"
		c.Filter = cmp.Or(c.Filter, person+"(sAMAccountName={username}))")
		c.Usernames.UPNFilter = cmp.Or(c.Usernames.UPNFilter, person+"(userPrincipalName={username}))")
		c.Attributes = c.Attributes.or(Attributes{Subject: "objectGUID", Username: "sAMAccountName", Name: "displayName", Email: "mail"})
		if c.Groups.Filter == "" && c.Groups.Nested != "in_chain" {
			c.Groups.Attribute = cmp.Or(c.Groups.Attribute, "memberOf")
		}
	default:
		return c, fmt.Errorf("directory: %q is none of standard and active_directory", c.Directory)
	}
	return c, nil
}

func (a Attributes) or(b Attributes) Attributes {
	return Attributes{
		Subject:      cmp.Or(a.Subject, b.Subject),
		Username:     either(a.Username, b.Username),
		Name:         either(a.Name, b.Name),
		Email:        either(a.Email, b.Email),
		Organisation: either(a.Organisation, ""),
		Units:        either(a.Units, ""),
		Roles:        either(a.Roles, ""),
	}
}

func either(configured, otherwise string) string {
	if configured == "-" {
		return ""
	}
	return cmp.Or(configured, otherwise)
}
