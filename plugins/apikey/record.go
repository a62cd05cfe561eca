package apikey

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// Record is a key as the table has it, without the secret.
type Record struct {
	// ID is part of the key's text and no secret. The table gives it. A service
	// may leave it out.
	ID   string `json:"id"`
	Name string `json:"name,omitempty"` // what the key is for
	// Owner is who the key stands for.
	Owner Owner `json:"owner"`

	// Scopes and Audience bound tokens from the key; nil does not, an empty
	// list allows none.
	Scopes   []string `json:"scopes"`
	Audience []string `json:"audience"`
	// Sources are where the key may be used from; nil is everywhere.
	Sources []netip.Prefix `json:"sources,omitempty"`

	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires,omitzero"`   // zero is never
	Revoked  time.Time `json:"revoked,omitzero"`   // zero is not
	LastUsed time.Time `json:"last_used,omitzero"` // to the minute; zero is not yet
	// Successor is the ID of the key that replaces this one.
	Successor string `json:"successor,omitempty"`
	// Imported says that another system made the key.
	Imported bool `json:"imported,omitempty"`
}

// Owner is who a key stands for. Subject is required.
type Owner struct {
	Subject      string         `json:"subject"`
	Username     string         `json:"username,omitempty"`
	Name         string         `json:"name,omitempty"`
	Email        string         `json:"email,omitempty"`
	Organisation string         `json:"organisation,omitempty"`
	DefaultUnit  string         `json:"default_unit,omitempty"`
	Units        []string       `json:"units,omitempty"`
	Groups       []string       `json:"groups,omitempty"`
	Roles        []string       `json:"roles,omitempty"`
	Claims       map[string]any `json:"claims,omitempty"`
}

// The claims that say which key an identity came by.
const (
	claimID   = "api_key_id"
	claimName = "api_key_name"
)

// identity returns who the key stands for, sharing nothing with the record.
func (r *Record) identity() sdk.Identity {
	o := &r.Owner
	claims := make(map[string]any, len(o.Claims)+2)
	maps.Copy(claims, o.Claims)
	if r.ID != "" {
		claims[claimID] = r.ID
	}
	if r.Name != "" {
		claims[claimName] = r.Name
	}
	return sdk.Identity{
		Subject: o.Subject, Username: o.Username, Name: o.Name, Email: o.Email,
		Organisation: o.Organisation, Unit: o.DefaultUnit, Units: slices.Clone(o.Units),
		Groups: slices.Clone(o.Groups), Roles: slices.Clone(o.Roles),
		Scopes: slices.Clone(r.Scopes), Audience: slices.Clone(r.Audience), Expires: r.Expires, Claims: claims,
	}
}

// admit returns the identity, for the unit asked for or the default one, unless
// the key has ended.
func (r *Record) admit(unit string, now time.Time) (sdk.Identity, error) {
	switch {
	case !r.Revoked.IsZero():
		return sdk.Identity{}, sdk.Denied(sdk.Disabled)
	case !r.Expires.IsZero() && !now.Before(r.Expires):
		return sdk.Identity{}, sdk.Denied(sdk.Expired)
	case unit != "" && unit != r.Owner.DefaultUnit && !slices.Contains(r.Owner.Units, unit):
		return sdk.Identity{}, sdk.Denied(sdk.Invalid)
	}
	id := r.identity()
	if unit != "" {
		id.Unit = unit
	}
	return id, nil
}

// from reports whether the key may be used from an address.
func (r *Record) from(remote netip.Addr) bool {
	remote = remote.Unmap().WithZone("")
	return r.Sources == nil || slices.ContainsFunc(r.Sources, func(p netip.Prefix) bool { return p.Contains(remote) })
}

// ParseSources reads addresses and CIDRs.
func ParseSources(texts []string) ([]netip.Prefix, error) {
	var sources []netip.Prefix
	for _, text := range texts {
		if address, err := netip.ParseAddr(text); err == nil && address.Zone() == "" {
			address = address.Unmap()
			sources = append(sources, netip.PrefixFrom(address, address.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(text)
		if err != nil || p.Addr().Is4In6() {
			return nil, fmt.Errorf("%q is neither an address nor a CIDR such as 192.0.2.0/24", text)
		}
		sources = append(sources, p.Masked())
	}
	return sources, nil
}
