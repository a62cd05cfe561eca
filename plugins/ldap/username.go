package ldap

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// usernames tells the forms of user name apart.
type usernames struct {
	domains   []string
	upnFilter *filterTemplate // nil: an @ has no meaning
	suffixes  []string
}

func newUsernames(c Usernames) (usernames, error) {
	u := usernames{domains: c.Domains, suffixes: c.UPNSuffixes}
	if c.UPNFilter == "" {
		return u, nil
	}
	f, err := parseFilterTemplate(c.UPNFilter)
	u.upnFilter = f
	return u, err
}

// split returns the account name and the principal name that a user name may be.
// Both are "" if it is one of another domain, or no name at all.
func (u usernames) split(name string) (account, principal string) {
	if !isName(name) {
		return "", ""
	}
	if domain, rest, found := strings.Cut(name, `\`); found && len(u.domains) > 0 {
		if containsFold(u.domains, domain) {
			return rest, ""
		}
		return "", ""
	}
	at := strings.LastIndexByte(name, '@')
	if u.upnFilter == nil || at < 0 {
		return name, ""
	}
	if containsFold(u.suffixes, name[at+1:]) {
		return name[:at], name
	}
	return "", name
}

func containsFold(list []string, s string) bool {
	return slices.ContainsFunc(list, func(other string) bool { return strings.EqualFold(s, other) })
}

// isName is whether a string can be a name in a directory: there is
// something in it, it is UTF-8 without NUL, and at most 1 KiB.
func isName(s string) bool {
	return len(s) <= 1024 && utf8.ValidString(s) && !strings.ContainsRune(s, 0) && strings.TrimSpace(s) != ""
}

// said returns what the placeholders of a login stand for.
func said(r sdk.Request, username string) values {
	return func(placeholder string) (string, bool) {
		var v string
		switch placeholder {
		case "username":
			v = username
		case "client_id":
			v = r.ClientID
		case "issuer":
			v = r.Issuer
		default:
			v = r.Attributes[placeholder]
		}
		return v, isName(v)
	}
}

// loginFilter returns the filter for the user name of a request; false if it can match nobody.
func (d *directory) loginFilter(r sdk.Request, missing absence) (filter, bool) {
	account, principal := d.usernames.split(r.Credential.Username)
	var alternatives []filter
	if account != "" {
		if f, ok := d.filter.expand(said(r, account), missing); ok {
			alternatives = append(alternatives, f)
		}
	}
	if principal != "" {
		if f, ok := d.usernames.upnFilter.expand(said(r, principal), missing); ok {
			alternatives = append(alternatives, f)
		}
	}
	return joined(filterOr, alternatives...), len(alternatives) > 0
}
