package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// Client is an OAuth client of one issuer.
type Client struct {
	Issuer, ID          string // together the key
	Name                string
	Secrets             []SecretHash
	Grants              []string      // the values of grant_type that it may use
	Scopes              []string      // the scopes that it may ask for
	Audience            []string      // the audiences that it may ask for, its default first; none: the issuer's
	AccessTokenLifetime time.Duration // 0: the issuer's
	Claims              string        // a claims shape as YAML; "": the issuer's alone
	ClientPolicy
	Created, Updated time.Time
	Disabled         bool
}

// SecretHash is what is kept of a client secret.
type SecretHash struct {
	Hash    string    `json:"hash"` // sha256:BASE64URL of a generated one, or bcrypt's text of an imported one
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero"` // zero: never
}

type clientRow struct {
	Issuer              string `db:"issuer"`
	ID                  string `db:"id"`
	Name                string `db:"name"`
	Secrets             string `db:"secrets"`
	Grants              string `db:"grants"`
	Scopes              string `db:"scopes"`
	Audience            string `db:"audience"`
	AccessTokenLifetime int64  `db:"access_token_lifetime"`
	Claims              string `db:"claims"`
	Policy              string `db:"policy"`
	Created             int64  `db:"created"`
	Updated             int64  `db:"updated"`
	Disabled            int64  `db:"disabled"`
}

const selectClient = `
	select issuer, id, name, secrets, grants, scopes, audience, access_token_lifetime, claims, policy, created, updated, disabled
	from clients where issuer = ?`

// CreateClient stores a new client. It returns ErrExists if the issuer has one of
// that ID.
func (db *DB) CreateClient(ctx context.Context, c Client) error {
	r, err := newClientRow(c)
	if err != nil {
		return fmt.Errorf("create client: %w", err)
	}
	err = db.sql.Tx(ctx, func(tx sqldb.Tx) error {
		_, err := tx.Exec(ctx, `
			insert into clients (issuer, id, name, secrets, grants, scopes, audience, access_token_lifetime, claims, policy, created, updated, disabled)
			values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			r.Issuer, r.ID, r.Name, r.Secrets, r.Grants, r.Scopes, r.Audience, r.AccessTokenLifetime, r.Claims, r.Policy, r.Created, r.Updated, r.Disabled)
		if err != nil {
			return err
		}
		return db.announce(ctx, tx, TopicClients)
	})
	if err != nil {
		return fmt.Errorf("create client: %w", err)
	}
	return nil
}

// Client returns a client, or ErrNotFound.
func (db *DB) Client(ctx context.Context, issuer, id string) (Client, error) {
	var r clientRow
	if err := db.sql.Get(ctx, &r, selectClient+` and id = ?`, issuer, id); err != nil {
		return Client{}, fmt.Errorf("read client: %w", err)
	}
	return r.client()
}

// Clients returns all clients of an issuer by ID.
func (db *DB) Clients(ctx context.Context, issuer string) ([]Client, error) {
	var rows []clientRow
	if err := db.sql.Select(ctx, &rows, selectClient+` order by id`, issuer); err != nil {
		return nil, fmt.Errorf("read clients: %w", err)
	}
	clients := make([]Client, len(rows))
	for i, r := range rows {
		var err error
		if clients[i], err = r.client(); err != nil {
			return nil, err
		}
	}
	return clients, nil
}

// Scopes returns the scopes that the clients of an issuer may ask for, in order.
// Those of clients that are disabled are not among them.
func (db *DB) Scopes(ctx context.Context, issuer string) ([]string, error) {
	var lists []string
	if err := db.sql.Select(ctx, &lists, `select distinct scopes from clients where issuer = ? and disabled = 0`, issuer); err != nil {
		return nil, fmt.Errorf("list scopes: %w", err)
	}
	var all []string
	for _, text := range lists {
		var scopes []string
		if err := decode(text, &scopes); err != nil {
			return nil, fmt.Errorf("list scopes: %w", err)
		}
		all = append(all, scopes...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// UpdateClient stores all of a client but Created, or returns ErrNotFound.
func (db *DB) UpdateClient(ctx context.Context, c Client) error {
	r, err := newClientRow(c)
	if err != nil {
		return fmt.Errorf("update client: %w", err)
	}
	err = db.sql.Tx(ctx, func(tx sqldb.Tx) error {
		n, err := tx.Exec(ctx, `
			update clients set name = ?, secrets = ?, grants = ?, scopes = ?, audience = ?, access_token_lifetime = ?,
				claims = ?, policy = ?, updated = ?, disabled = ?
			where issuer = ? and id = ?`,
			r.Name, r.Secrets, r.Grants, r.Scopes, r.Audience, r.AccessTokenLifetime, r.Claims, r.Policy, r.Updated, r.Disabled, r.Issuer, r.ID)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrNotFound
		}
		return db.announce(ctx, tx, TopicClients)
	})
	if err != nil {
		return fmt.Errorf("update client: %w", err)
	}
	return nil
}

// DeleteClient removes a client and ends its sessions, or returns ErrNotFound.
func (db *DB) DeleteClient(ctx context.Context, issuer, id string) error {
	err := db.sql.Tx(ctx, func(tx sqldb.Tx) error {
		n, err := tx.Exec(ctx, `delete from clients where issuer = ? and id = ?`, issuer, id)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrNotFound
		}
		_, err = tx.Exec(ctx, `
			update sessions set ended = ?, end_reason = ? where issuer = ? and client_id = ? and ended = 0`,
			sqldb.Milliseconds(time.Now()), "the client was deleted", issuer, id)
		if err != nil {
			return err
		}
		return db.announce(ctx, tx, TopicClients, TopicRevocations)
	})
	if errors.Is(err, ErrInvalid) {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("delete client: %w", err)
	}
	return nil
}

func newClientRow(c Client) (r clientRow, err error) {
	if c.Issuer == "" || c.ID == "" {
		return r, errors.New("it has no issuer or no ID")
	}
	r = clientRow{
		Issuer: c.Issuer, ID: c.ID, Name: c.Name, Claims: c.Claims,
		AccessTokenLifetime: c.AccessTokenLifetime.Milliseconds(),
		Created:             sqldb.Milliseconds(c.Created), Updated: sqldb.Milliseconds(c.Updated),
	}
	if c.Disabled {
		r.Disabled = 1
	}
	secrets := make([]SecretHash, len(c.Secrets))
	for i, s := range c.Secrets {
		secrets[i] = SecretHash{s.Hash, sqldb.Instant(sqldb.Milliseconds(s.Created)), sqldb.Instant(sqldb.Milliseconds(s.Expires))}
	}
	if r.Secrets, err = encode(secrets); err != nil {
		return r, err
	}
	if r.Grants, err = encode(c.Grants); err != nil {
		return r, err
	}
	if r.Scopes, err = encode(c.Scopes); err != nil {
		return r, err
	}
	if r.Audience, err = encode(c.Audience); err != nil {
		return r, err
	}
	r.Policy, err = c.ClientPolicy.encode()
	return r, err
}

func (r clientRow) client() (Client, error) {
	c := Client{
		Issuer: r.Issuer, ID: r.ID, Name: r.Name, Claims: r.Claims,
		AccessTokenLifetime: time.Duration(r.AccessTokenLifetime) * time.Millisecond,
		Created:             sqldb.Instant(r.Created), Updated: sqldb.Instant(r.Updated), Disabled: r.Disabled != 0,
	}
	policy, err := decodePolicy(r.Policy)
	c.ClientPolicy = policy
	err = errors.Join(err, decode(r.Secrets, &c.Secrets), decode(r.Grants, &c.Grants),
		decode(r.Scopes, &c.Scopes), decode(r.Audience, &c.Audience))
	if err != nil {
		return Client{}, fmt.Errorf("decode client %s: %w", r.ID, err)
	}
	return c, nil
}
