package main

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/claimsmith/claimsmith/bench/load"
	"github.com/claimsmith/claimsmith/bench/rig"
	"github.com/claimsmith/claimsmith/internal/servertest"
	"github.com/claimsmith/claimsmith/plugins/apikey"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// active is how many clients and API keys take part in the load, whatever
// there are besides: what grows is the tables, not the number of callers.
const active = 1000

// grown is a server on a database with so many sessions and API keys, and a
// tenth as many clients but no fewer than are active.
type grown struct {
	*rig.Server
	clients, keys []string // bodies that ask for a token
}

// pair are a server on large tables and one on small.
type pair struct{ large, small *grown }

func (b *runner) growthPair() *pair {
	if b.pair == nil {
		b.pair = &pair{b.grow("large", b.growth), b.grow("small", active)}
	}
	return b.pair
}

func (b *runner) grow(name string, size int) *grown {
	site := b.NewSite(name, servertest.PostgreSQL(b.Rig), rig.Options{Issuers: []string{"compare", "keys"}})
	g := &grown{Server: site.Serve()}
	// One session, to be copied.
	_, err := load.RefreshTokens(b.ctx, g.Target("compare"), 1, username, password)
	b.Check(err)
	keys, err := apikey.OpenKeys(b.ctx, sqldb.Config{URL: site.Database})
	b.Check(err)
	defer keys.Close()
	for range active {
		_, text, err := keys.Create(b.ctx, apikey.Record{Owner: apikey.Owner{Subject: "robot"}})
		b.Check(err)
		g.keys = append(g.keys, withKey(text.Reveal()))
	}
	b.copyRows(site.Database, size)
	secret := g.Target("compare").Password
	for i := range active {
		body := url.Values{"grant_type": {"client_credentials"}, "client_id": {"copy-" + strconv.Itoa(i+1)}, "client_secret": {secret}}
		g.clients = append(g.clients, body.Encode())
	}
	return g
}

// copies are the rows that a table is filled with: one row of it again and
// again, in which some columns differ. g counts.
type copies struct {
	n      int
	table  string
	of     string            // which row
	differ map[string]string // column → its SQL
}

// copyRows fills the tables.
func (b *runner) copyRows(database string, size int) {
	db, err := sqldb.Open(b.ctx, sqldb.Config{URL: database})
	b.Check(err)
	defer db.Close()
	const number = "'copy-' || g"
	for _, c := range []copies{
		{max(active, size/10), "clients", "issuer = 'compare'", map[string]string{"id": number}},
		{size, "sessions", "true", map[string]string{"id": number, "subject": "'person-' || g"}},
		{size, "refresh_tokens", "true", map[string]string{"session_id": number, "hash": "md5(g::text) || 'copy-' || g"}},
		{size - active, "api_keys", "id = (select id from api_keys limit 1)",
			map[string]string{"id": number, "hash": "md5(g::text) || md5('x' || g)", "subject": "'robot-' || g"}},
	} {
		b.Check(db.Tx(b.ctx, func(tx sqldb.Tx) error {
			// Without looking up each row's foreign key, which takes half of the time.
			if _, err := tx.Exec(b.ctx, `set local session_replication_role = replica`); err != nil {
				return err
			}
			return withoutIndexes(b.ctx, tx, c.table, func() error { return c.insert(b.ctx, tx) })
		}))
	}
	_, err = db.Exec(b.ctx, `vacuum analyze`)
	b.Check(err)
}

func (c copies) insert(ctx context.Context, tx sqldb.Tx) error {
	var columns []string
	err := tx.Select(ctx, &columns, `
		select column_name::text from information_schema.columns where table_schema = current_schema() and table_name = ?`, c.table)
	if err != nil {
		return err
	}
	values := slices.Clone(columns)
	for i, column := range columns {
		values[i] = cmp.Or(c.differ[column], `r."`+column+`"`)
	}
	_, err = tx.Exec(ctx, `insert into `+c.table+` ("`+strings.Join(columns, `","`)+`")
		select `+strings.Join(values, ",")+` from `+c.table+` r, generate_series(1, ?) g where `+c.of, c.n)
	return err
}

// withoutIndexes fills a table while it has no index but its key's, and makes
// the others afterwards: to sort a million rows is quicker than to insert them
// one by one.
func withoutIndexes(ctx context.Context, tx sqldb.Tx, table string, fill func() error) error {
	var indexes []struct {
		Name       string `db:"indexname"`
		Definition string `db:"indexdef"`
	}
	err := tx.Select(ctx, &indexes, `
		select indexname, indexdef from pg_indexes
		where schemaname = current_schema() and tablename = ? and indexname not in (select conname from pg_constraint)`, table)
	if err != nil {
		return err
	}
	statements := []string{`set local maintenance_work_mem = '128MB'`}
	for _, i := range indexes {
		if _, err := tx.Exec(ctx, `drop index "`+i.Name+`"`); err != nil {
			return err
		}
		statements = append(statements, i.Definition)
	}
	if err := fill(); err != nil {
		return err
	}
	for _, s := range statements {
		if _, err := tx.Exec(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (b *runner) grownToken() (us, floor side, missing string) {
	p := b.growthPair()
	return b.ofClients(p.large), b.ofClients(p.small), ""
}

// ofClients asks as one client after the other, each of which authenticates in
// the body.
func (b *runner) ofClients(g *grown) side {
	t := g.Target("compare", g.clients...)
	t.User = ""
	return ours(g.Server, b.asked(t))
}

func (b *runner) grownKey() (us, floor side, missing string) {
	p := b.growthPair()
	of := func(g *grown) side { return ours(g.Server, b.asked(g.Target("keys", g.keys...))) }
	return of(p.large), of(p.small), ""
}

func (b *runner) grownRefresh() (us, floor side, missing string) {
	p := b.growthPair()
	of := func(g *grown) side { return ours(g.Server, b.following(g.Target("compare"))) }
	return of(p.large), of(p.small), ""
}
