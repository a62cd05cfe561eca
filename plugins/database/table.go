package database

import (
	"context"
	"errors"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// table finds people in the users table.
type table struct {
	users *Users
}

func newTable(db *sqldb.DB) (people, error) {
	users, err := newUsers(db)
	if err != nil {
		return nil, err
	}
	return table{users}, nil
}

func (t table) prepare(ctx context.Context) error { return t.users.Migrate(ctx) }

func (t table) try(ctx context.Context) error {
	_, err := t.users.find(ctx, "", "")
	if errors.Is(err, sqldb.ErrNotFound) {
		return nil
	}
	return err
}

func (t table) renew(ctx context.Context, w weak) (bool, error) {
	rows, err := t.users.db.Exec(ctx, `update users set password = ? where id = ? and password = ?`, w.renewed, w.subject, w.stored)
	return rows == 1, err
}

func (t table) find(ctx context.Context, r sdk.Request) (account, error) {
	row, err := t.users.find(ctx, r.Attributes["organisation"], r.Credential.Username)
	return row.account(err)
}

func (t table) complete(context.Context, sdk.Request, *account) error { return nil }

func (t table) again(ctx context.Context, id sdk.Identity) (account, error) {
	row, err := t.users.row(ctx, id.Subject)
	return row.account(err)
}

func (t table) named(ctx context.Context, name string) (account, error) {
	row, err := t.users.row(ctx, name)
	if errors.Is(err, sqldb.ErrNotFound) {
		row, err = t.users.find(ctx, "", name)
	}
	return row.account(err)
}

// account returns the row as an account unless there is an error already. Text
// that no database stores is nobody's name.
func (r userRow) account(err error) (account, error) {
	if errors.Is(err, sqldb.ErrInvalid) {
		err = errors.Join(err, sqldb.ErrNotFound)
	}
	if err != nil {
		return account{}, err
	}
	user, err := r.user()
	if err != nil {
		return account{}, err
	}
	return account{
		identity: user.identity(), password: r.Password,
		disabled: user.Disabled, locked: user.Locked, mustChange: user.MustChange,
	}, nil
}
