package database

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/google/uuid"

	"github.com/claimsmith/claimsmith/plugins/database/password"
	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// What the methods of Users wrap, besides sqldb.ErrUnavailable.
var (
	ErrNotFound  = sqldb.ErrNotFound // no such user
	ErrExists    = sqldb.ErrExists   // the organisation has a user of that name: see TakenError
	ErrAmbiguous = errAmbiguous      // several organisations have a user of that name
	ErrInvalid   = errors.New("invalid user")
)

// Users is the users table, in SQLite or PostgreSQL.
type Users struct {
	db *sqldb.DB
}

//go:embed migrations/*.sql
var migrations embed.FS

// OpenUsers opens the database of the users table; it does not make the table.
func OpenUsers(ctx context.Context, c sqldb.Config) (*Users, error) {
	db, err := sqldb.Open(ctx, c)
	if err != nil {
		return nil, err
	}
	users, err := newUsers(db)
	if err != nil {
		db.Close()
	}
	return users, err
}

func newUsers(db *sqldb.DB) (*Users, error) {
	if db.Driver() == sqldb.MySQL {
		return nil, errors.New("open users table: it can be in SQLite or PostgreSQL only; for MySQL and MariaDB write a query")
	}
	return &Users{db: db}, nil
}

// Migrate makes the table, or brings it up to date. Several processes may call
// it at once.
func (u *Users) Migrate(ctx context.Context) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	return u.db.Migrate(ctx, "users", files)
}

// Close closes the database.
func (u *Users) Close() error { return u.db.Close() }

// Add adds a user with a password and returns it with the ID and times that it
// got. The error is a TakenError if the user name or e-mail address is somebody else's
// in that organisation.
func (u *Users) Add(ctx context.Context, user User, secret sdk.Secret) (User, error) {
	hash, err := hashNew(secret)
	if err != nil {
		return User{}, err
	}
	return u.add(ctx, user, hash)
}

// AddHashed is Add with the hash of a password, in any strong form that the
// package password reads.
func (u *Users) AddHashed(ctx context.Context, user User, hash string) (User, error) {
	if _, err := (password.Policy{}).Parse(hash); err != nil {
		return User{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return u.add(ctx, user, hash)
}

func (u *Users) add(ctx context.Context, user User, hash string) (User, error) {
	user.ID = uuid.NewString()
	user.Created = time.Now().UTC().Truncate(time.Millisecond)
	user.Updated = user.Created
	r, err := user.row(hash)
	if err != nil {
		return User{}, err
	}
	err = u.db.Tx(ctx, func(tx sqldb.Tx) error {
		if err := r.insert(ctx, tx); err != nil {
			return err
		}
		return r.insertLogins(ctx, tx)
	})
	if err != nil {
		return User{}, fmt.Errorf("add user: %w", u.explainTaken(ctx, user, err))
	}
	return user, nil
}

func (r userRow) insert(ctx context.Context, tx sqldb.Tx) error {
	_, err := tx.Exec(ctx, `insert into users (id, username, username_key, organisation, organisation_key, name, email, email_verified,
			groups, roles, units, default_unit, user_type, time_zone, date_format, claims,
			password, locked, disabled, must_change, expires, created, updated)
		values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.ID, r.Username, r.UsernameKey, r.Organisation, r.OrganisationKey, r.Name, r.Email, r.EmailVerified,
		r.Groups, r.Roles, r.Units, r.DefaultUnit, r.UserType, r.TimeZone, r.DateFormat, r.Claims,
		r.Password, r.Locked, r.Disabled, r.MustChange, r.Expires, r.Created, r.Updated)
	return err
}

// Update writes all facts of a user but ID, password and Created. The error is a
// TakenError as that of Add.
func (u *Users) Update(ctx context.Context, user User) error {
	user.Updated = time.Now().UTC()
	r, err := user.row("")
	if err != nil {
		return err
	}
	err = u.db.Tx(ctx, func(tx sqldb.Tx) error {
		if err := r.update(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `delete from user_logins where user_id = ?`, r.ID); err != nil {
			return err
		}
		return r.insertLogins(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("update user: %w", u.explainTaken(ctx, user, err))
	}
	return nil
}

func (r userRow) update(ctx context.Context, tx sqldb.Tx) error {
	rows, err := tx.Exec(ctx, `update users set username = ?, username_key = ?, organisation = ?, organisation_key = ?,
			name = ?, email = ?, email_verified = ?, groups = ?, roles = ?, units = ?, default_unit = ?,
			user_type = ?, time_zone = ?, date_format = ?, claims = ?,
			locked = ?, disabled = ?, must_change = ?, expires = ?, updated = ? where id = ?`,
		r.Username, r.UsernameKey, r.Organisation, r.OrganisationKey,
		r.Name, r.Email, r.EmailVerified, r.Groups, r.Roles, r.Units, r.DefaultUnit,
		r.UserType, r.TimeZone, r.DateFormat, r.Claims,
		r.Locked, r.Disabled, r.MustChange, r.Expires, r.Updated, r.ID)
	if err == nil && rows == 0 {
		err = ErrNotFound
	}
	return err
}

// SetPassword gives a user a new password, and says whether they must change it
// before it lets them in.
func (u *Users) SetPassword(ctx context.Context, id string, secret sdk.Secret, mustChange bool) error {
	hash, err := hashNew(secret)
	if err != nil {
		return err
	}
	return u.change(ctx, "set password", `update users set password = ?, must_change = ?, updated = ? where id = ?`,
		hash, bit(mustChange), time.Now().UnixMilli(), id)
}

// Disable keeps a user from logging in and from refreshing a login.
func (u *Users) Disable(ctx context.Context, id string) error {
	return u.change(ctx, "disable user", `update users set disabled = 1, updated = ? where id = ?`, time.Now().UnixMilli(), id)
}

// Enable undoes Disable.
func (u *Users) Enable(ctx context.Context, id string) error {
	return u.change(ctx, "enable user", `update users set disabled = 0, updated = ? where id = ?`, time.Now().UnixMilli(), id)
}

// Delete removes a user.
func (u *Users) Delete(ctx context.Context, id string) error {
	return u.change(ctx, "delete user", `delete from users where id = ?`, id)
}

// change runs a statement on the one row of a user.
func (u *Users) change(ctx context.Context, doing, statement string, args ...any) error {
	rows, err := u.db.Exec(ctx, statement, args...)
	if err == nil && rows == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

func hashNew(secret sdk.Secret) (string, error) {
	if n := len(secret); n == 0 || n > sdk.MaxSecret {
		return "", fmt.Errorf("%w: a password has 1 to %d bytes", ErrInvalid, sdk.MaxSecret)
	}
	return password.New(secret.Reveal()), nil
}
