package config

import (
	"fmt"
	"slices"

	"github.com/claimsmith/claimsmith/server/oauth"
)

// shortGrants are the grant types that have a short name beside their URN.
var shortGrants = map[string]string{
	"api-key":        oauth.GrantAPIKey,
	"token-exchange": oauth.GrantTokenExchange,
	"jwt-bearer":     oauth.GrantJWTBearer,
}

// Grants returns grant types by the names under which protocols know them.
func Grants(names []string) ([]string, error) {
	var grants []string
	for _, name := range names {
		if long, ok := shortGrants[name]; ok {
			name = long
		}
		if !slices.Contains(oauth.Grants, name) {
			return nil, fmt.Errorf("unknown grant type %q: it is one of %s", name, list(ShortGrants(oauth.Grants)))
		}
		grants = append(grants, name)
	}
	return grants, nil
}

// ShortGrants returns grant types by the names that people type.
func ShortGrants(grants []string) []string {
	var names []string
	for _, grant := range grants {
		for short, long := range shortGrants {
			if grant == long {
				grant = short
			}
		}
		names = append(names, grant)
	}
	return names
}
