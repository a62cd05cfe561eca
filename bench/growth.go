package main

import (
	"net/url"
	"strconv"

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

// copyRows copies one row of each table until that is full, whatever its columns are.
func (b *runner) copyRows(database string, size int) {
	db, err := sqldb.Open(b.ctx, sqldb.Config{URL: database})
	b.Check(err)
	defer db.Close()
	for _, c := range []struct {
		n         int
		statement string
	}{
		{max(active, size/10), `insert into clients select r.* from clients c, generate_series(1, ?) g,
			lateral jsonb_populate_record(c, jsonb_build_object('id', 'copy-' || g)) r where c.issuer = 'compare'`},
		{size, `insert into sessions select r.* from sessions s, generate_series(1, ?) g,
			lateral jsonb_populate_record(s, jsonb_build_object('id', 'copy-' || g, 'subject', 'person-' || g)) r`},
		{size, `insert into refresh_tokens select r.* from refresh_tokens t, generate_series(1, ?) g,
			lateral jsonb_populate_record(t, jsonb_build_object('session_id', 'copy-' || g, 'hash', md5(g::text) || 'copy-' || g)) r`},
		{size - active, `insert into api_keys select r.* from api_keys k, generate_series(1, ?) g,
			lateral jsonb_populate_record(k, jsonb_build_object('id', 'copy-' || g, 'hash', md5(g::text) || md5('x' || g), 'subject', 'robot-' || g)) r
			where k.id = (select id from api_keys limit 1)`},
	} {
		b.Check(db.Tx(b.ctx, func(tx sqldb.Tx) error {
			// Without looking up each row's foreign key, which takes half of the time.
			if _, err := tx.Exec(b.ctx, `set local session_replication_role = replica`); err != nil {
				return err
			}
			_, err := tx.Exec(b.ctx, c.statement, c.n)
			return err
		}))
	}
	_, err = db.Exec(b.ctx, `vacuum analyze`)
	b.Check(err)
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
