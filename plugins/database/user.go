package database

import (
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// User is a person of the users table.
type User struct {
	// ID is the subject of the person's identities. Add makes it; it never changes.
	ID string `json:"id"`
	// Username is unique within the organisation, whatever its letter case.
	Username string `json:"username"`
	// Organisation is the tenant: the same user name in two organisations is two
	// people. Empty is no tenant.
	Organisation string `json:"organisation,omitempty"`

	Name string `json:"name,omitempty"`
	// Email is a way to log in as Username is. Neither may be the other of somebody
	// else in the organisation.
	Email         string   `json:"email,omitempty"`
	EmailVerified bool     `json:"email_verified,omitempty"`
	Groups        []string `json:"groups,omitempty"`
	Roles         []string `json:"roles,omitempty"`
	Units         []string `json:"units,omitempty"`
	DefaultUnit   string   `json:"default_unit,omitempty"` // for who asks for none
	UserType      string   `json:"user_type,omitempty"`
	TimeZone      string   `json:"time_zone,omitempty"`
	DateFormat    string   `json:"date_format,omitempty"`
	// Claims are further claims by name. The facts above come before claims of the same name.
	Claims map[string]any `json:"claims,omitempty"`

	Locked     bool      `json:"locked,omitempty"`
	Disabled   bool      `json:"disabled,omitempty"`
	MustChange bool      `json:"must_change,omitempty"` // the password, before it lets in again
	Expires    time.Time `json:"expires,omitzero"`      // zero is never

	Created time.Time `json:"created,omitzero"`
	Updated time.Time `json:"updated,omitzero"`
}

// identity returns who the user is. The facts that an identity has no field for
// are claims: email_verified, default_unit, user_type, time_zone, date_format, and created
// and updated in unix milliseconds.
func (u User) identity() sdk.Identity {
	claims := make(map[string]any, len(u.Claims)+7)
	for name, value := range u.Claims {
		claims[name] = value
	}
	for name, value := range map[string]string{
		"default_unit": u.DefaultUnit, "user_type": u.UserType, "time_zone": u.TimeZone, "date_format": u.DateFormat,
	} {
		if value != "" {
			claims[name] = value
		}
	}
	if u.Email != "" {
		claims["email_verified"] = u.EmailVerified
	}
	claims["created"] = u.Created.UnixMilli()
	claims["updated"] = u.Updated.UnixMilli()
	return sdk.Identity{
		Subject: u.ID, Username: u.Username, Name: u.Name, Email: u.Email,
		Organisation: u.Organisation, Unit: u.DefaultUnit, Units: u.Units,
		Groups: u.Groups, Roles: u.Roles, Expires: u.Expires, Claims: claims,
	}
}

// fold returns a user name, an e-mail address or an organisation as it is compared.
func fold(name string) string { return strings.ToLower(norm.NFKC.String(name)) }
