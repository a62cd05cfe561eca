package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/claimsmith/claimsmith/bench/load"
)

// side is one side of a comparison: it loads something for a while.
type side func(time.Duration) (load.Sample, error)

// row is one line of the table: a path of the server beside its floor.
type row struct {
	name  string // as -paths spells it
	path  string
	floor string  // what it is divided by
	reach float64 // the ratio to reach; 0: it is only told
	p99   float64 // at most so many times the floor's; 0: it is only told
	long  float64 // its runs are so many times as long; 0: once
	// sides sets up both sides. Where the path is not there yet it says why.
	sides func(*runner) (us, floor side, missing string)
}

// rows are all lines, in the table's order.
var rows = []row{
	{name: "jwks", path: "JWKS", floor: "jwks", reach: .90, sides: (*runner).jwks},
	{name: "token", path: "client_credentials, ES256", floor: "token", reach: .70, p99: 2, sides: (*runner).token},
	{name: "password", path: "password, a plugin that compares", floor: "token + plugin", reach: .70, sides: (*runner).password},
	{name: "apikey", path: "API key", floor: "token + plugin", reach: .60, sides: (*runner).apikey},
	{name: "ldap", path: "password by LDAP", floor: "search + bind", reach: .80, sides: (*runner).ldap},
	{name: "ldap-series", path: "password by LDAP", floor: "token + plugin + both", sides: (*runner).ldapInSeries},
	{name: "argon2id", path: "password, argon2id", floor: "argon2id", reach: .90, long: 5, sides: (*runner).argon2id},
	{name: "refresh", path: "refresh", floor: "transaction + signature", reach: .60, sides: (*runner).refresh},
	{name: "introspect", path: "introspection of our JWT", floor: "token", reach: .50, sides: (*runner).introspect},
	{name: "dialect", path: "dialect login", floor: "the same at /oauth2/token", reach: .87, sides: (*runner).dialect},
	{name: "events", path: "events on", floor: "events off", reach: .93, sides: (*runner).events},
	{name: "growth-token", path: "client_credentials, grown", floor: "with a thousand", reach: .90, sides: (*runner).grownToken},
	{name: "growth-apikey", path: "API key, grown", floor: "with a thousand", reach: .90, sides: (*runner).grownKey},
	{name: "growth-refresh", path: "refresh, grown", floor: "with a thousand", reach: .90, sides: (*runner).grownRefresh},
	{name: "replica", path: "refresh by two replicas", floor: "by one", sides: (*runner).replica},
}

// other parts of the report, by the name that -paths knows.
var parts = map[string]func(*runner){
	"floors": (*runner).reportFloors,
	"start":  (*runner).reportStart,
	"memory": (*runner).reportMemory,
}

// checkPaths refuses a name that nothing has.
func (o options) checkPaths() error {
	known := slices.Sorted(maps.Keys(parts))
	for _, r := range rows {
		known = append(known, r.name)
	}
	for _, name := range o.paths {
		if !slices.Contains(known, name) {
			return fmt.Errorf("no path %q: there are %s", name, strings.Join(known, ", "))
		}
	}
	return nil
}

func (o options) wants(name string) bool {
	return len(o.paths) == 0 || slices.Contains(o.paths, name)
}
