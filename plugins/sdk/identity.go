package sdk

import "time"

// Identity is what a plugin knows of who a credential proves. Only Subject is
// required. Empty fields become no claims.
type Identity struct {
	// Subject names the principal: stable for its life, never given to
	// another, unique within the plugin. It becomes the claim sub.
	Subject string `json:"subject"`

	Username string `json:"username,omitempty"` // as the person knows it
	Name     string `json:"name,omitempty"`     // for display
	Email    string `json:"email,omitempty"`

	Organisation string   `json:"organisation,omitempty"` // the tenant
	Unit         string   `json:"unit,omitempty"`         // the unit that this login is for
	Units        []string `json:"units,omitempty"`        // every unit of the principal

	Groups []string `json:"groups,omitempty"`
	Roles  []string `json:"roles,omitempty"`

	// Scopes bounds what a token from this credential may hold; nil does not
	// bound it, an empty list allows none.
	Scopes []string `json:"scopes"`
	// Audience bounds whom a token from this credential may be for, as Scopes does.
	Audience []string `json:"audience"`
	// Expires is when the credential or the account ends; no token outlives
	// it. Zero means never. To the millisecond.
	Expires time.Time `json:"expires,omitzero"`

	// Claims is whatever else the plugin knows: JSON values by name, 256 KiB
	// in all. Integers arrive as int64 where it holds them, other numbers as
	// float64.
	Claims map[string]any `json:"claims,omitempty"`

	// Plugin is the configured name of the plugin that answered. The server
	// sets it; what a plugin says here is ignored.
	Plugin string `json:"plugin,omitempty"`
}
