package database

import (
	"bytes"
	_ "embed" // schema.json
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/claimsmith/claimsmith/plugins/database/password"
	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// Config is the plugin's configuration. schema.json says the same as JSON Schema.
type Config struct {
	// URL of the database: sqlite:PATH, postgres://… or mysql://….
	URL string `json:"url"`
	// Password replaces the one in the URL.
	Password sdk.Secret `json:"password"`
	// MaxConns bounds the connections. Default: 16.
	MaxConns int `json:"max_conns"`

	// Replicas are URLs of copies that the database keeps of itself. Logins are read
	// from those that answer and are not too far behind, and nothing is written to them.
	Replicas []string `json:"replicas"`
	// MaxLag is how far behind a replica may be and still be asked, as 10s. It is required
	// with replicas: for so long a change may go unseen.
	MaxLag string `json:"max_lag"`
	// Lag is a query that tells on a replica how many seconds it is behind. Default: what
	// PostgreSQL's streaming replication says; others need one.
	Lag string `json:"lag"`

	// Users says that the people are in the users table. Default: true unless
	// there is a query.
	Users bool `json:"users"`

	// Query finds the person who logs in: one row or none. Parameters are written
	// :username, :organisation, :unit, :device, :client_id, :issuer and :remote, and are
	// always text; one that the caller did not give is empty.
	Query string `json:"query"`
	// Lookup finds a person by :subject, when a login is refreshed. Default: the query is
	// run again with the identity's user name, organisation and unit.
	Lookup string `json:"lookup"`
	// Details is run after the password was right, with :subject besides the query's
	// parameters. Each of its columns units, groups, roles, and those that
	// claims name, becomes the list of its values over all rows.
	Details string `json:"details"`
	// Update stores a new hash, where rehash is on: it sets :hash where the person's is still
	// :old_hash. It may name :subject and what the query may. The column needs room
	// for 97 characters.
	Update string `json:"update"`
	// Parameters are further attributes of the request that queries may name.
	Parameters []string `json:"parameters"`
	// Columns maps a field of the identity to the column that holds it, where
	// the two are not named alike.
	Columns map[string]string `json:"columns"`
	// Claims maps a claim to the column that holds it.
	Claims map[string]Claim `json:"claims"`

	// Allow names weak forms of password hash to be read: see password.Allow.
	Allow []string `json:"allow"`
	// Rehash replaces a hash that is weaker than argon2id after a login that has shown its
	// password, in the users table or by update.
	Rehash bool `json:"rehash"`
	// Queue is how many logins may wait for their password to be checked while as
	// many as there are cores are; more are refused. Default: 64 for each core.
	Queue int `json:"queue"`
}

//go:embed schema.json
var schema []byte

// fields of an identity and its account that a column can hold.
var fields = []string{
	"subject", "username", "name", "email", "organisation", "unit", "units", "groups", "roles",
	"password", "disabled", "locked", "expires", "must_change",
}

// parseConfig reads and checks a configuration. Its errors name the key.
func parseConfig(text json.RawMessage) (Config, password.Policy, error) {
	var c Config
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return Config{}, password.Policy{}, fmt.Errorf("read configuration: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return Config{}, password.Policy{}, errors.New("read configuration: more than one JSON value")
	}
	policy, err := password.Allow(c.Allow...)
	if err != nil {
		return Config{}, password.Policy{}, fmt.Errorf("allow: %w", err)
	}
	return c, policy, c.check()
}

func (c *Config) check() error {
	switch {
	case c.URL == "":
		return errors.New("url: is missing: say sqlite:PATH, postgres://… or mysql://…")
	case c.MaxConns < 0:
		return errors.New("max_conns: must not be negative")
	case c.Queue < 0:
		return errors.New("queue: must not be negative")
	case c.Users && c.Query != "":
		return errors.New("users: cannot be true beside a query: use one")
	case c.Query == "" && c.Lookup+c.Details+c.Update != "":
		return errors.New("query: is missing: lookup, details and update go with it")
	case c.Query != "" && c.Rehash && c.Update == "":
		return errors.New("update: is missing: rehash needs a statement that sets :hash where the hash is :old_hash")
	case c.Update != "" && !c.Rehash:
		return errors.New("rehash: is not true: update goes with it")
	case c.Query == "" && len(c.Columns)+len(c.Claims)+len(c.Parameters) > 0:
		return errors.New("query: is missing: columns, claims and parameters go with it")
	}
	for _, field := range slices.Sorted(maps.Keys(c.Columns)) {
		if !slices.Contains(fields, field) {
			return fmt.Errorf("columns: unknown field %q: want one of %s", field, strings.Join(fields, ", "))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Claims)) {
		if err := c.Claims[name].check(); err != nil {
			return fmt.Errorf("claims: %s: %w", name, err)
		}
	}
	c.Users = c.Query == ""
	return c.checkReplicas()
}

func (c *Config) checkReplicas() error {
	if len(c.Replicas) == 0 {
		if c.MaxLag+c.Lag != "" {
			return errors.New("replicas: are missing: max_lag and lag go with them")
		}
		return nil
	}
	if c.MaxLag == "" {
		return errors.New("max_lag: is missing: say how far behind a replica may be, as 10s")
	}
	if c.maxLag() <= 0 {
		return fmt.Errorf("max_lag: %q is not a time: write 500ms, 10s or 1m", c.MaxLag)
	}
	return nil
}

func (c *Config) maxLag() time.Duration {
	d, _ := time.ParseDuration(c.MaxLag) // 0 is refused as well
	return d
}
