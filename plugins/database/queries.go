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
	mapping mapping
}

// The parameters that queries may name, besides those of the configuration.
var (
	ofIdentity = []string{"username", "organisation", "unit"} // known at a refresh too
	ofRequest  = []string{"device", "client_id", "issuer", "remote"}
)

const maxDetails = sdk.MaxList

func openQueries(ctx context.Context, c Config) (people, error) {
	db, err := sqldb.Open(ctx, c.database())
	if err != nil {
		return nil, err
	}
	q := &queries{db: db, mapping: newMapping(c)}
	if err := q.prepare(ctx, c); err != nil {
		db.Close()
		return nil, err
	}
	return q, nil
}

// prepare reads the statements and runs each once, for nobody, so that a fault
// in one shows now.
func (q *queries) prepare(ctx context.Context, c Config) error {
	known := slices.Concat(ofIdentity, ofRequest, c.Parameters)
	withSubject := append(slices.Clone(known), "subject")
	for _, s := range []struct {
		key, text string
		known     []string
		into      *query
	}{
		{"query", c.Query, known, &q.login},
		{"lookup", c.Lookup, slices.Concat(ofIdentity, []string{"subject"}), &q.lookup},
		{"details", c.Details, withSubject, &q.details},
	} {
		if s.text == "" {
			continue
		}
		var err error
		if *s.into, err = parseQuery(q.db.Driver(), s.text, s.known); err != nil {
			return fmt.Errorf("%s: %w", s.key, err)
		}
		if _, err := q.db.Maps(ctx, 1, s.into.text, make([]any, len(s.into.parameters))...); err != nil {
			return fmt.Errorf("%s: %w", s.key, err)
		}
	}
	return q.check(c)
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
	}
	return nil
}

func (q *queries) close() error { return q.db.Close() }

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
