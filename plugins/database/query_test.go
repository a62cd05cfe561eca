package database

import (
	"slices"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/storage/sqldb"
)

var testParameters = []string{"username", "organisation"}

func TestQueries(t *testing.T) {
	const u, o = "username", "organisation"
	for _, c := range []struct {
		driver     sqldb.Driver
		text, want string
		parameters []string
	}{
		{"", "select 1 where a=:username", "select 1 where a=?", []string{u}},
		{"", "SELECT :username, :organisation, :username", "SELECT ?, ?, ?", []string{u, o, u}},
		{"", "(select ':username')", "(select ':username')", nil},
		{"", "select 'it''s :username' where a=:organisation", "select 'it''s :username' where a=?", []string{o}},
		{"", `select ":username" from t`, `select ":username" from t`, nil},
		{"", "-- :username ? ;\nselect :username", "-- :username ? ;\nselect ?", []string{u}},
		{"", "select /* :username ' */ :organisation", "select /* :username ' */ ?", []string{o}},
		{"", "select 1 ; -- the end", "select 1  -- the end", nil},
		{"", "select a:=1, 'x':username", "select a:=1, 'x'?", []string{u}},
		{"", "select 'unfinished :username", "select 'unfinished :username", nil},
		{"", "with a as (select 1) select * from a", "with a as (select 1) select * from a", nil},
		{sqldb.PostgreSQL, "select :username::text::bytea", "select ?::text::bytea", []string{u}},
		{sqldb.PostgreSQL, "select a[1:2] from t", "select a[1:2] from t", nil},
		{sqldb.PostgreSQL, `select '\' || :username`, `select '\' || ?`, []string{u}},
		{sqldb.PostgreSQL, "select $$ :username ? $$ || :username", "select $$ :username ? $$ || ?", []string{u}},
		{sqldb.PostgreSQL, "select $a$ $$ :username $a$", "select $a$ $$ :username $a$", nil},
		{sqldb.PostgreSQL, "select 1 # 2, `:username", "select 1 # 2, `?", []string{u}},
		{sqldb.MySQL, "select `:username` # :username\n, :username", "select `:username` # :username\n, ?", []string{u}},
		{sqldb.MySQL, "#\nselect :username", "#\nselect ?", []string{u}},
		{sqldb.SQLite, `select '\' || :username`, `select '\' || ?`, []string{u}},
	} {
		got, err := parseQuery(c.driver, c.text, testParameters)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if got.text != c.want || !slices.Equal(got.parameters, c.parameters) {
			t.Errorf("%s\n got %s %v\nwant %s %v", c.text, got.text, got.parameters, c.want, c.parameters)
		}
	}
}

func TestQueriesThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		driver     sqldb.Driver
		text, want string
	}{
		{"", "", "is not a query"},
		{"", "-- nothing", "is not a query"},
		{"", "delete from users where a = :username", "is not a query"},
		{"", "update users set a = :username", "is not a query"},
		{"", "select 1; drop table users", "more than one statement"},
		{"", "select 1 where a = :usernme", "unknown parameter :usernme: want one of :username, :organisation"},
		{"", "select 1 where a = ?", "holds a ?"},
		{sqldb.PostgreSQL, "select data ? 'a'", "jsonb_exists"},
		{sqldb.PostgreSQL, `select E'it\'s :username'`, "backslash"},
		{sqldb.MySQL, `select 'it\'s :username'`, "backslash"},
	} {
		if _, err := parseQuery(c.driver, c.text, testParameters); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.text, err, c.want)
		}
	}
}

func FuzzQuery(f *testing.F) {
	f.Add("select ':a' -- \n/*", 0)
	f.Add("select $a$ :username $a$ :username::text `", 1)
	f.Fuzz(func(t *testing.T, text string, driver int) {
		drivers := []sqldb.Driver{sqldb.SQLite, sqldb.PostgreSQL, sqldb.MySQL}
		q, err := parseQuery(drivers[uint(driver)%3], text, testParameters)
		if err != nil {
			return
		}
		for _, name := range q.parameters {
			if !slices.Contains(testParameters, name) || !strings.Contains(text, ":"+name) {
				t.Errorf("parameter %q is not in the text", name)
			}
		}
	})
}

func FuzzColumn(f *testing.F) {
	for _, s := range []string{`{a,"b \"c\"",NULL}`, `["a",1]`, "a, b", "2026-01-02 03:04:05", "{", `{"`, `{\`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		values(s)
		moment(s)
		truth(s)
		for _, as := range claimTypes {
			Claim{Column: "c", As: as}.value(s)
		}
	})
}
