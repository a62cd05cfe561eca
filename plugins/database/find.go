package database

import (
	"context"
	"fmt"
)

const userColumns = `id, username, username_key, organisation, organisation_key, name, email, email_verified,
	groups, roles, units, default_unit, user_type, time_zone, date_format, claims,
	password, locked, disabled, must_change, expires, created, updated`

// Get returns the user with an ID.
func (u *Users) Get(ctx context.Context, id string) (User, error) {
	row, err := u.row(ctx, id)
	if err != nil {
		return User{}, err
	}
	return row.user()
}

// Find returns the user with a user name or e-mail address in an organisation. With
// no organisation it is the user who has none, else the only one of that name over
// all organisations; where there are several the error wraps ErrAmbiguous.
func (u *Users) Find(ctx context.Context, organisation, login string) (User, error) {
	row, err := u.find(ctx, organisation, login)
	if err != nil {
		return User{}, err
	}
	return row.user()
}

// UserFilter narrows a list of users. The zero value lists all.
type UserFilter struct {
	Organisation  string // "" for every
	Limit, Offset int    // Limit 0 for no limit
}

// List returns users by organisation and name.
func (u *Users) List(ctx context.Context, f UserFilter) ([]User, error) {
	if f.Limit <= 0 {
		f.Limit = 1<<31 - 1
	}
	var rows []userRow
	err := u.db.Select(ctx, &rows, `select `+userColumns+` from users where ? = '' or organisation_key = ?
		order by organisation_key, username_key limit ? offset ?`, fold(f.Organisation), fold(f.Organisation), f.Limit, f.Offset)
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	users := make([]User, len(rows))
	for i, row := range rows {
		if users[i], err = row.user(); err != nil {
			return nil, err
		}
	}
	return users, nil
}

func (u *Users) row(ctx context.Context, id string) (userRow, error) {
	var row userRow
	if err := u.db.Get(ctx, &row, `select `+userColumns+` from users where id = ?`, id); err != nil {
		return userRow{}, fmt.Errorf("find user: %w", err)
	}
	return row, nil
}
