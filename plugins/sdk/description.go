package sdk

import (
	"encoding/json"
	"slices"
)

// Description is what a plugin tells of itself.
type Description struct {
	Name    string          `json:"name"`
	Version string          `json:"version"`
	Kinds   []Kind          `json:"kinds"`            // what it judges; an empty list means all
	Schema  json.RawMessage `json:"schema,omitempty"` // JSON Schema of its configuration
	// Abilities are discovered; what a plugin written in Go says here is ignored.
	Abilities []Ability `json:"abilities,omitempty"`
}

// Ability names an optional interface that a plugin implements.
type Ability string

// The abilities.
const (
	AbilityConfigure Ability = "configure" // it is a Configurer
	AbilityRefresh   Ability = "refresh"   // it is a Refresher
	AbilityLookup    Ability = "lookup"    // it is a Lookuper
	AbilitySign      Ability = "sign"      // it is a Signer
)

// describe returns what a tells of itself, if it is a Describer, and the
// abilities that it has.
func describe(a Authenticator) Description {
	var d Description
	if describer, ok := a.(Describer); ok {
		d = describer.Describe()
	}
	d.Abilities = nil
	if _, ok := a.(Configurer); ok {
		d.Abilities = append(d.Abilities, AbilityConfigure)
	}
	if _, ok := a.(Refresher); ok {
		d.Abilities = append(d.Abilities, AbilityRefresh)
	}
	if _, ok := a.(Lookuper); ok {
		d.Abilities = append(d.Abilities, AbilityLookup)
	}
	if _, ok := a.(Signer); ok {
		d.Abilities = append(d.Abilities, AbilitySign)
	}
	if _, ok := a.(interface{ judgesNobody() }); ok {
		d.Kinds = []Kind{noKind}
	}
	return d
}

// Can reports whether the plugin has an ability.
func (d Description) Can(a Ability) bool { return slices.Contains(d.Abilities, a) }

// Judges reports whether the plugin judges a kind of credential.
func (d Description) Judges(k Kind) bool { return len(d.Kinds) == 0 || slices.Contains(d.Kinds, k) }
