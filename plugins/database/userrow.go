package database

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// userRow is a User as the table has it, and the password's hash.
type userRow struct {
	ID              string `db:"id"`
	Username        string `db:"username"`
	UsernameKey     string `db:"username_key"`
	Organisation    string `db:"organisation"`
	OrganisationKey string `db:"organisation_key"`
	Name            string `db:"name"`
	Email           string `db:"email"`
	EmailVerified   int64  `db:"email_verified"`
	Groups          string `db:"groups"`
	Roles           string `db:"roles"`
	Units           string `db:"units"`
	DefaultUnit     string `db:"default_unit"`
	UserType        string `db:"user_type"`
	TimeZone        string `db:"time_zone"`
	DateFormat      string `db:"date_format"`
	Claims          string `db:"claims"`
	Password        string `db:"password"`
	Locked          int64  `db:"locked"`
	Disabled        int64  `db:"disabled"`
	MustChange      int64  `db:"must_change"`
	Expires         int64  `db:"expires"`
	Created         int64  `db:"created"`
	Updated         int64  `db:"updated"`
}

// row checks what identities of the user will have to be and returns its row.
func (u User) row(hash string) (userRow, error) {
	if strings.TrimSpace(u.Username) == "" {
		return userRow{}, fmt.Errorf("%w: the user name is empty", ErrInvalid)
	}
	if err := u.identity().Check(); err != nil {
		return userRow{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if u.Email != strings.TrimSpace(u.Email) {
		return userRow{}, fmt.Errorf("%w: the e-mail address has space around it", ErrInvalid)
	}
	for _, text := range []string{u.Username, u.Email, u.Organisation} { // they are in one index
		if len(fold(text)) > sdk.MaxString {
			return userRow{}, fmt.Errorf("%w: the user name, e-mail address or organisation is longer than %d bytes", ErrInvalid, sdk.MaxString)
		}
	}
	claims, err := json.Marshal(u.Claims)
	if err != nil || len(claims) > maxUserClaims {
		return userRow{}, fmt.Errorf("%w: claims are not %d bytes of JSON", ErrInvalid, maxUserClaims)
	}
	return userRow{
		ID: u.ID, Username: u.Username, UsernameKey: fold(u.Username),
		Organisation: u.Organisation, OrganisationKey: fold(u.Organisation),
		Name: u.Name, Email: u.Email, EmailVerified: bit(u.EmailVerified),
		Groups: list(u.Groups), Roles: list(u.Roles), Units: list(u.Units), DefaultUnit: u.DefaultUnit,
		UserType: u.UserType, TimeZone: u.TimeZone, DateFormat: u.DateFormat, Claims: string(claims), Password: hash,
		Locked: bit(u.Locked), Disabled: bit(u.Disabled), MustChange: bit(u.MustChange), Expires: sqldb.Milliseconds(u.Expires),
		Created: sqldb.Milliseconds(u.Created), Updated: sqldb.Milliseconds(u.Updated),
	}, nil
}

const maxUserClaims = 64 << 10

func (r userRow) user() (User, error) {
	u := User{
		ID: r.ID, Username: r.Username, Organisation: r.Organisation,
		Name: r.Name, Email: r.Email, EmailVerified: r.EmailVerified != 0, DefaultUnit: r.DefaultUnit,
		UserType: r.UserType, TimeZone: r.TimeZone, DateFormat: r.DateFormat,
		Locked: r.Locked != 0, Disabled: r.Disabled != 0, MustChange: r.MustChange != 0, Expires: sqldb.Instant(r.Expires),
		Created: sqldb.Instant(r.Created), Updated: sqldb.Instant(r.Updated),
	}
	var err error
	if u.Claims, err = parseClaims(r.Claims); err != nil {
		return User{}, fmt.Errorf("claims of user %s: %w", r.ID, err)
	}
	for text, values := range map[*string]*[]string{&r.Groups: &u.Groups, &r.Roles: &u.Roles, &r.Units: &u.Units} {
		if err := json.Unmarshal([]byte(*text), values); err != nil {
			return User{}, fmt.Errorf("lists of user %s: %w", r.ID, err)
		}
	}
	return u, nil
}

// parseClaims reads a JSON object as sdk.Identity has claims.
func parseClaims(text string) (map[string]any, error) {
	var id sdk.Identity
	err := json.Unmarshal([]byte(`{"claims":`+text+`}`), &id)
	return id.Claims, err
}

func list(values []string) string {
	if values == nil {
		return "null"
	}
	text, _ := json.Marshal(values) // strings always encode
	return string(text)
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
