package database

import (
	"context"
	"errors"
	"fmt"

	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// TakenError is that a user name or e-mail address already means somebody else
// in the organisation: each is a way to log in, so it can mean one person only.
// It wraps ErrExists.
type TakenError struct {
	Login  string // as it was asked for
	Holder User
}

// Error names the person whose it is.
func (e *TakenError) Error() string {
	what := "e-mail address"
	if e.IsUsername() {
		what = "user name"
	}
	return fmt.Sprintf("%s already exists: it is the %s of %s", e.Login, what, e.Holder.Username)
}

// Unwrap makes it ErrExists.
func (e *TakenError) Unwrap() error { return ErrExists }

// IsUsername reports whether it is the holder's user name, not their e-mail address.
func (e *TakenError) IsUsername() bool { return fold(e.Login) == fold(e.Holder.Username) }

// logins are what a user may give as their name, as it is compared.
func (r userRow) logins() []string {
	email := fold(r.Email)
	if email == "" || email == r.UsernameKey {
		return []string{r.UsernameKey}
	}
	return []string{r.UsernameKey, email}
}

// insertLogins makes the names of a user theirs. The error wraps ErrExists if one
// is another's.
func (r userRow) insertLogins(ctx context.Context, tx sqldb.Tx) error {
	for _, login := range r.logins() {
		if _, err := tx.Exec(ctx, `insert into user_logins (login_key, organisation_key, user_id) values (?, ?, ?)`,
			login, r.OrganisationKey, r.ID); err != nil {
			return err
		}
	}
	return nil
}

// explainTaken says of an ErrExists whose the name is.
func (u *Users) explainTaken(ctx context.Context, user User, err error) error {
	if !errors.Is(err, ErrExists) {
		return err
	}
	for _, login := range []string{user.Username, user.Email} {
		var row userRow
		if u.db.Get(ctx, &row, selectByLogin, fold(login), fold(user.Organisation)) != nil || row.ID == user.ID {
			continue
		}
		if holder, err := row.user(); err == nil {
			return &TakenError{Login: login, Holder: holder}
		}
	}
	return err
}

const selectByLogin = `select ` + userColumns + ` from users
	where id = (select user_id from user_logins where login_key = ? and organisation_key = ?)`

// find is one statement, however the name turns out.
func (u *Users) find(ctx context.Context, organisation, login string) (userRow, error) {
	var rows []userRow
	var err error
	if organisation != "" {
		err = u.db.Select(ctx, &rows, selectByLogin, fold(login), fold(organisation))
	} else { // the one without an organisation comes first
		err = u.db.Select(ctx, &rows, `select `+userColumns+` from users
			where id in (select user_id from user_logins where login_key = ? order by organisation_key limit 2)
			order by organisation_key`, fold(login))
	}
	switch {
	case err != nil:
		return userRow{}, fmt.Errorf("find user: %w", err)
	case len(rows) == 0:
		return userRow{}, fmt.Errorf("find user: %w", ErrNotFound)
	case len(rows) > 1 && rows[0].OrganisationKey != "":
		return userRow{}, fmt.Errorf("find user: %w", ErrAmbiguous)
	}
	return rows[0], nil
}
