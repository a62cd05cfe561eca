package database

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// queries finds people by the operator's own statements.
type queries struct {
	db      *sqldb.DB
	login   query
	lookup  query // the zero query where there is none
	details query // likewise
	update  query // likewise
	mapping mapping
}

// The parameters that queries may name, besides those of the configuration.
var (
	ofIdentity = []string{"username", "organisation", "unit"} // known at a refresh too
	ofRequest  = []string{"device", "client_id", "issuer", "remote"}
	ofUpdate   = []string{"subject", "hash", "old_hash"}
)

const maxDetails = sdk.MaxList

// newQueries reads the statements.
func newQueries(db *sqldb.DB, c Config) (people, error) {
	q := &queries{db: db, mapping: newMapping(c)}
	known := slices.Concat(ofIdentity, ofRequest, c.Parameters)
	for _, s := range []struct {
		key, text string
		known     []string
		into      *query
	}{
		{"query", c.Query, known, &q.login},
		{"lookup", c.Lookup, slices.Concat(ofIdentity, []string{"subject"}), &q.lookup},
		{"details", c.Details, slices.Concat(known, []string{"subject"}), &q.details},
	} {
		if s.text == "" {
			continue
		}
		var err error
		if *s.into, err = parseQuery(db.Driver(), s.text, s.known); err != nil {
			return nil, fmt.Errorf("%s: %w", s.key, err)
		}
	}
	if c.Update != "" {
		var err error
		if q.update, err = parseUpdate(db.Driver(), c.Update, slices.Concat(known, ofUpdate)); err != nil {
			return nil, fmt.Errorf("update: %w", err)
		}
	}
	return q, q.check(c)
}

func (q *queries) prepare(ctx context.Context) error {
	if err := q.try(ctx); err != nil {
		return err
	}
	return q.tryUpdate(ctx)
}

// try runs each statement once, for nobody.
func (q *queries) try(ctx context.Context) error {
	for _, s := range []struct {
		key string
		query
	}{{"query", q.login}, {"lookup", q.lookup}, {"details", q.details}} {
		if s.text == "" {
			continue
		}
		if _, err := q.db.Maps(ctx, 1, s.text, make([]any, len(s.parameters))...); err != nil {
			return fmt.Errorf("%s: %w", s.key, err)
		}
	}
	return nil
}

func (q *queries) check(c Config) error {
	switch {
	case !q.login.uses("username"):
		return errors.New("query: does not use :username")
	case c.Lookup == "" && q.login.uses(slices.Concat(ofRequest, c.Parameters)...):
		return errors.New("lookup: is missing: the query uses parameters that are not known when a login is refreshed, " +
			"so say here how to find a person by :subject")
	case c.Lookup != "" && !q.lookup.uses("subject"):
		return errors.New("lookup: does not use :subject")
	case c.Update != "" && !(q.update.uses("hash") && q.update.uses("old_hash")):
		return errors.New("update: does not use :hash and :old_hash, without which it would overwrite a password that was changed meanwhile")
	case c.Update != "" && !q.update.uses("username", "subject"):
		return errors.New("update: uses neither :username nor :subject")
	}
	return nil
}

func parameters(r sdk.Request) map[string]string {
	values := make(map[string]string, len(r.Attributes)+4)
	for name, value := range r.Attributes {
		values[name] = value
	}
	values["username"] = r.Credential.Username
	values["client_id"] = r.ClientID
	values["issuer"] = r.Issuer
	values["remote"] = ""
	if r.Remote.IsValid() {
		values["remote"] = r.Remote.Unmap().String()
	}
	return values
}

func (q *queries) find(ctx context.Context, r sdk.Request) (account, error) {
	asked := parameters(r)
	row, err := q.one(ctx, q.login, asked)
	if err != nil {
		return account{}, err
	}
	hash, ok := q.mapping.field(row, "password")
	if !ok {
		return account{}, q.mapping.missing(row, "password")
	}
	a, err := q.account(row, asked)
	a.password = text(hash)
	return a, err
}

// one runs a query for one person.
func (q *queries) one(ctx context.Context, statement query, values map[string]string) (record, error) {
	rows, err := q.db.Maps(ctx, 2, statement.text, statement.arguments(values)...)
	switch {
	case errors.Is(err, sqldb.ErrInvalid), isMistyped(err):
		return nil, errors.Join(sqldb.ErrNotFound, err)
	case err != nil:
		return nil, err
	case len(rows) == 0:
		return nil, sqldb.ErrNotFound
	case len(rows) > 1:
		return nil, errAmbiguous
	}
	return newRecord(rows[0]), nil
}

// isMistyped reports whether PostgreSQL could not take the text of a parameter
// for a number or whatever it is compared with; so nobody has it.
func isMistyped(err error) bool {
	e, ok := errors.AsType[interface {
		error
		SQLState() string
	}](err)
	return ok && slices.Contains([]string{"22P02", "22003", "22007", "22008"}, e.SQLState())
}

// account reads a row. A person of another organisation than the one asked for
// is nobody.
func (q *queries) account(row record, asked map[string]string) (account, error) {
	given := map[string]string{"username": asked["username"]}
	for _, name := range []string{"organisation", "unit"} {
		if q.login.uses(name) {
			given[name] = asked[name]
		}
	}
	a, err := q.mapping.account(row, given, time.Now())
	if err != nil {
		return account{}, err
	}
	_, known := q.mapping.field(row, "organisation")
	if want := asked["organisation"]; known && want != "" && fold(want) != fold(a.identity.Organisation) {
		return account{}, sqldb.ErrNotFound
	}
	return a, nil
}

func (q *queries) complete(ctx context.Context, r sdk.Request, a *account) error {
	if q.details.text == "" {
		return nil
	}
	values := parameters(r)
	values["subject"] = a.identity.Subject
	rows, err := q.db.Maps(ctx, maxDetails, q.details.text, q.details.arguments(values)...)
	if err != nil {
		return err
	}
	records := make([]record, len(rows))
	for i, row := range rows {
		records[i] = newRecord(row)
	}
	q.mapping.addDetails(records, a)
	return nil
}

func (q *queries) again(ctx context.Context, id sdk.Identity) (account, error) {
	values := parameters(requestOf(id))
	values["subject"] = id.Subject
	statement := q.login
	if q.lookup.text != "" {
		statement = q.lookup
	}
	row, err := q.one(ctx, statement, values)
	if err != nil {
		return account{}, err
	}
	a, err := q.account(row, values)
	if err == nil && a.identity.Subject != id.Subject {
		return account{}, sqldb.ErrNotFound
	}
	return a, err
}

func (q *queries) named(ctx context.Context, name string) (account, error) {
	if q.lookup.text != "" {
		a, err := q.again(ctx, sdk.Identity{Subject: name})
		if !errors.Is(err, sqldb.ErrNotFound) {
			return a, err
		}
	}
	row, err := q.one(ctx, q.login, map[string]string{"username": name})
	if err != nil {
		return account{}, err
	}
	return q.account(row, map[string]string{"username": name})
}
