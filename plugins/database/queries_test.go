package database_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/plugins/database"
	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// legacy makes tables as somebody else might have them. All passwords are "correct horse".
func legacy(t testing.TB, url string) {
	const (
		bcrypt = "$2y$04$d5VkI6SUrjzaiFJw8Jq7b.YuoQT9vc6riwxVwIIM8aM5JhhuaPgJe"
		md5    = "3cb4e732631f47e6eb961f34554b7cde"
	)
	execute(t, url,
		`create table person (id bigint primary key, login varchar(50), tenant varchar(50), pw varchar(200), full_name varchar(50),
			mail varchar(50), active int, locked_until varchar(40), valid_until varchar(40), change_pw int,
			cost_centre bigint, prefs text, score numeric(10,2), tags text)`,
		`create table person_role (person_id bigint, role_name varchar(50), unit_name varchar(50))`,
		`insert into person values (7, 'alice', 'Acme', '`+bcrypt+`', 'Alice Liddell', 'alice@acme.example', 1, null, null, 0,
			9007199254740993, '{"theme":"dark","n":1}', 12.50, 'red, blue')`,
		`insert into person values (8, 'bob', 'Acme', '`+bcrypt+`', null, null, 0, null, null, 0, null, null, null, null)`,
		`insert into person values (9, 'carol', 'Acme', '`+bcrypt+`', null, null, 1, '2999-01-01 00:00:00', null, 0, null, null, null, null)`,
		`insert into person values (10, 'dave', 'Acme', '`+bcrypt+`', null, null, 1, '1999-01-01 00:00:00', '2001-01-01', 0, null, null, null, null)`,
		`insert into person values (11, 'erin', 'Acme', '`+bcrypt+`', null, null, 1, null, null, 1, null, null, null, null)`,
		`insert into person values (12, 'frank', 'Acme', '`+md5+`', null, null, 1, null, null, 0, null, null, null, null)`,
		`insert into person values (13, 'grace', 'Acme', null, null, null, 1, null, null, 0, null, null, null, null)`,
		`insert into person values (14, 'heidi', 'Acme', 'nonsense', null, null, 1, null, null, 0, null, null, null, null)`,
		`insert into person values (15, 'alice', 'Other', '`+bcrypt+`', null, null, 1, null, null, 0, null, null, null, null)`,
		`insert into person_role values (7, 'admin', 'north'), (7, 'auditor', 'north'), (7, null, 'south')`,
	)
}

func legacyConfig(url string) map[string]any {
	return map[string]any{
		"url": url,
		"query": `select id, login, tenant, pw, full_name, mail, 1 - active as disabled,
				case when locked_until > '2026' then 1 else 0 end as locked, valid_until, change_pw,
				cost_centre, prefs, score, tags
			from person where login = :username and :organisation in ('', tenant) -- :nothing`,
		"lookup":  `select id, login, tenant, full_name, mail, 1 - active as disabled, valid_until, change_pw from person where id = :subject`,
		"details": `select role_name as roles, unit_name as units, role_name as duties from person_role where person_id = :subject order by role_name`,
		"columns": map[string]string{
			"subject": "id", "username": "login", "organisation": "tenant", "password": "pw", "name": "full_name", "email": "mail",
			"expires": "valid_until", "must_change": "change_pw",
		},
		"claims": map[string]any{
			"cost_centre": "cost_centre", "prefs": map[string]any{"column": "prefs", "as": "json"},
			"score": map[string]any{"column": "score", "as": "number"}, "tags": map[string]any{"column": "tags", "as": "list"},
			"duties": "duties",
		},
	}
}

func TestLoginByQuery(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		legacy(t, url)
		p := configured(t, legacyConfig(url))
		const right = "correct horse"
		for _, c := range []struct {
			request sdk.Request
			want    string
		}{
			{login("alice", right, "organisation", "Acme"), "ok"},
			{login("alice", right, "organisation", "Other"), "ok"},
			{login("alice", right), "invalid"}, // two people
			{login("alice", "wrong", "organisation", "Acme"), "invalid"},
			{login("alice", right, "organisation", "Acme", "unit", "south"), "ok"},
			{login("alice", right, "organisation", "Acme", "unit", "west"), "invalid"},
			{login("alice", right, "organisation", "Acme", "unit", "north", "other", "x"), "ok"},
			{login("alice", right, "organisation", "Elsewhere"), "unknown"},
			{login("nobody", right), "unknown"},
			{login("' or 1=1 -- ", right), "unknown"},
			{login("a\x00b", right), "unknown"},
			{login("bob", right), "disabled"},
			{login("bob", "wrong"), "invalid"},
			{login("carol", right), "locked"},
			{login("dave", right), "expired"},
			{login("dave", "wrong"), "invalid"},
			{login("erin", right), "must_change"},
			{login("frank", right), "invalid"}, // md5 is not allowed
			{login("grace", right), "invalid"},
			{login("heidi", right), "invalid"},
			{login("heidi", "nonsense"), "invalid"},
		} {
			_, err := p.Authenticate(t.Context(), c.request)
			if got := outcome(err); got != c.want {
				t.Errorf("%q %v: %v, want %s", c.request.Credential.Username, c.request.Attributes, err, c.want)
			}
		}

		got, err := p.Authenticate(t.Context(), login("alice", right, "organisation", "Acme", "unit", "south"))
		if err != nil {
			t.Fatal(err)
		}
		want := sdk.Identity{
			Subject: "7", Username: "alice", Name: "Alice Liddell", Email: "alice@acme.example", Organisation: "Acme",
			Unit: "south", Units: []string{"north", "south"}, Roles: []string{"admin", "auditor"},
			Claims: map[string]any{
				"cost_centre": int64(9007199254740993), "score": 12.5, "tags": []any{"red", "blue"},
				"prefs": map[string]any{"theme": "dark", "n": int64(1)}, "duties": []any{"admin", "auditor"},
			},
		}
		sorted := cmp.Transformer("sorted", func(s []string) map[string]bool {
			set := map[string]bool{}
			for _, v := range s {
				set[v] = true
			}
			return set
		})
		if diff := cmp.Diff(want, got, sorted); diff != "" {
			t.Errorf("identity (-want +got):\n%s", diff)
		}

		again, err := p.Refresh(t.Context(), got)
		if err != nil || again.Subject != "7" || again.Unit != "south" || len(again.Roles) != 2 {
			t.Errorf("Refresh = %+v, %v", again, err)
		}
		if id, err := p.Lookup(t.Context(), "8"); err != nil || id.Username != "bob" {
			t.Errorf("Lookup by subject = %+v, %v", id, err)
		}
		if id, err := p.Lookup(t.Context(), "bob"); err != nil || id.Subject != "8" {
			t.Errorf("Lookup by name = %+v, %v", id, err)
		}
		execute(t, url, `update person set active = 0 where id = 7`)
		if _, err := p.Refresh(t.Context(), got); outcome(err) != "disabled" {
			t.Errorf("Refresh of the disabled: %v", err)
		}
		execute(t, url, `delete from person where id = 7`)
		if _, err := p.Refresh(t.Context(), got); outcome(err) != "unknown" {
			t.Errorf("Refresh of the deleted: %v", err)
		}
	}, "sqlite", "postgres", "mariadb")
}

func TestWeakHashesByName(t *testing.T) {
	url := newDatabase(t, "sqlite")
	legacy(t, url)
	config := legacyConfig(url)
	config["allow"] = []string{"md5"}
	p := configured(t, config)
	if _, err := p.Authenticate(t.Context(), login("frank", "correct horse")); err != nil {
		t.Error(err)
	}
	if _, err := p.Authenticate(t.Context(), login("frank", "3cb4e732631f47e6eb961f34554b7cde")); outcome(err) != "invalid" {
		t.Errorf("the hash as password: %v", err)
	}
}

func TestTypesOfColumns(t *testing.T) {
	for kind, types := range map[string][]string{
		"postgres": {"uuid", "boolean", "timestamptz", "text[]", "jsonb", "'{\"a b\",c}'", "'{\"a\":1}'", "true"},
		"mariadb":  {"char(36)", "bit(1)", "datetime", "varchar(50)", "json", "'a b,c'", "'{\"a\":1}'", "1"},
	} {
		t.Run(kind, func(t *testing.T) {
			url := newDatabase(t, kind)
			execute(t, url,
				`create table p (id `+types[0]+`, off `+types[1]+`, until `+types[2]+`, teams `+types[3]+`, data `+types[4]+`, login varchar(50))`,
				`insert into p values ('6ba7b810-9dad-11d1-80b4-00c04fd430c8', `+types[7]+`, '2999-01-02 03:04:05', `+types[5]+`, `+types[6]+`, 'a')`)
			p := configured(t, map[string]any{
				"url": url, "allow": []string{"plaintext"},
				"query":  `select id as subject, off as must_change, until as expires, teams as "groups", data, 'pw' as password from p where login = :username`,
				"claims": map[string]any{"data": map[string]string{"column": "data", "as": "json"}, "off": map[string]string{"column": "must_change", "as": "boolean"}},
			})
			got, err := p.Lookup(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			got.Expires = got.Expires.Truncate(24 * time.Hour)
			want := sdk.Identity{
				Subject: "6ba7b810-9dad-11d1-80b4-00c04fd430c8", Username: "a", Groups: []string{"a b", "c"},
				Expires: time.Date(2999, 1, 2, 0, 0, 0, 0, time.UTC),
				Claims:  map[string]any{"data": map[string]any{"a": int64(1)}, "off": true},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("identity (-want +got):\n%s", diff)
			}
			if _, err := p.Authenticate(t.Context(), login("a", "pw")); outcome(err) != "must_change" {
				t.Errorf("login: %v, want must_change", err)
			}
		})
	}
}

func TestParametersOfTheRequest(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		execute(t, url, `create table p (login varchar(50), client varchar(50), badge varchar(50))`,
			`insert into p values ('a', 'client', 'b7')`)
		p := configured(t, map[string]any{
			"url": url, "allow": []string{"plaintext"}, "parameters": []string{"badge"},
			"query": `select login as subject, 'pw' as password from p where login = :username and client = :client_id
				and badge = :badge and :issuer = 'https://issuer.example' and :remote = '' and :device = ''`,
			"lookup": `select login as subject from p where login = :subject`,
		})
		if _, err := p.Authenticate(t.Context(), login("a", "pw", "badge", "b7")); err != nil {
			t.Error(err)
		}
		if _, err := p.Authenticate(t.Context(), login("a", "pw")); outcome(err) != "unknown" {
			t.Errorf("without the attribute: %v, want unknown", err)
		}
	}, "sqlite", "postgres", "mariadb")
}

func TestNamesThatAreNoValueOfTheirColumn(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		legacy(t, url)
		p := configured(t, map[string]any{
			"url": url, "query": `select id as subject, pw as password from person where id = :username`,
		})
		for username, want := range map[string]string{"7": "ok", "alice": "unknown", "99999999999999999999": "unknown"} {
			if _, err := p.Authenticate(t.Context(), login(username, "correct horse")); outcome(err) != want {
				t.Errorf("%s: %v, want %s", username, err, want)
			}
		}
	}, "sqlite", "postgres", "mariadb")
}

func TestColumnsThatAreMissing(t *testing.T) {
	url := newDatabase(t, "sqlite")
	legacy(t, url)
	for _, column := range []string{"subject", "password"} {
		config := legacyConfig(url)
		columns := maps.Clone(config["columns"].(map[string]string))
		columns[column] = "elsewhere"
		config["columns"] = columns
		_, err := configured(t, config).Authenticate(t.Context(), login("bob", "correct horse"))
		if outcome(err) != "unavailable" || !strings.Contains(err.Error(), `"elsewhere" for `+column) {
			t.Errorf("%s: %v", column, err)
		}
	}
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	url := newDatabase(t, "sqlite")
	legacy(t, url)
	const query = `"select id as subject, pw as password from person where login = :username"`
	withUpdate := func(update string) string {
		return `{"url":"URL","query":` + query + `,"rehash":true,"update":"` + update + `"}`
	}
	for text, want := range map[string]string{
		`{}`:                                    "url",
		`[]`:                                    "cannot unmarshal array",
		`{"url":"sqlite:x"} {}`:                 "more than one JSON value",
		`{"url":"sqlite:x","urll":1}`:           `unknown field "urll"`,
		`{"url":"sqlite:x","max_conns":"many"}`: "max_conns",
		`{"url":"sqlite:x","max_conns":-1}`:     "max_conns",
		`{"url":"sqlite:x","queue":-1}`:         "queue",
		`{"url":"oracle://x"}`:                  "sqlite:, postgres:// and mysql://",
		`{"url":"sqlite:x","allow":["md4"]}`:    `allow: unknown weak form "md4"`,
		`{"url":"sqlite:x","users":true,"query":` + query + `}`:                          "users",
		`{"url":"sqlite:x","details":"select 1"}`:                                        "query: is missing",
		`{"url":"sqlite:x","columns":{"subject":"id"}}`:                                  "query: is missing",
		`{"url":"sqlite:x","query":` + query + `,"columns":{"sub":"x"}}`:                 `columns: unknown field "sub"`,
		`{"url":"sqlite:x","query":` + query + `,"claims":{"a":{"b":1}}}`:                `unknown field "b"`,
		`{"url":"sqlite:x","query":` + query + `,"claims":{"a":""}}`:                     "claims: a: column is missing",
		`{"url":"URL","query":` + query + `,"claims":{"a":{"column":"b","as":"int"}}}`:   `claims: a: as: unknown type "int"`,
		`{"url":"URL","query":"select 1"}`:                                               "query: does not use :username",
		`{"url":"URL","query":"select 1 from nowhere where a = :username"}`:              "query: ",
		`{"url":"URL","query":"select 1; select :username"}`:                             "query: holds more than one statement",
		`{"url":"URL","query":"select :username, :client_id"}`:                           "lookup: is missing",
		`{"url":"URL","query":` + query + `,"lookup":"select 1"}`:                        "lookup: does not use :subject",
		`{"url":"URL","query":` + query + `,"lookup":"select :client_id"}`:               "lookup: unknown parameter :client_id",
		`{"url":"URL","query":` + query + `,"details":"select :badge"}`:                  "details: unknown parameter :badge",
		`{"url":"URL","replicas":["URL"]}`:                                               "max_lag: is missing",
		`{"url":"URL","max_lag":"1s"}`:                                                   "replicas: are missing",
		`{"url":"URL","replicas":["URL"],"max_lag":"soon"}`:                              `max_lag: "soon" is not a time`,
		`{"url":"URL","replicas":["URL"],"max_lag":"1s"}`:                                "lag: is missing",
		`{"url":"URL","replicas":["oracle://x"],"max_lag":"1s"}`:                         "replicas: 1: ",
		`{"url":"URL","replicas":["postgres://x/y"],"max_lag":"1s","lag":"select 0"}`:    "replicas: 1: is not of the kind that url is",
		`{"url":"URL","query":` + query + `,"rehash":true}`:                              "update: is missing",
		`{"url":"URL","rehash":true,"update":"x"}`:                                       "query: is missing",
		`{"url":"URL","query":` + query + `,"update":"x"}`:                               "rehash: is not true",
		withUpdate("update person set pw = :hash where login = :username"):               "update: does not use :hash and :old_hash",
		withUpdate("update person set pw = :hash where pw = :old_hash"):                  "update: uses neither :username nor :subject",
		withUpdate("delete from person where pw = :old_hash"):                            "update: is not an update",
		withUpdate("update person set pw = :hash where pw = :old_hash and x = :who"):     "update: unknown parameter :who",
		withUpdate("update nobody set pw = :hash where pw = :old_hash and x = :subject"): "update: ",
	} {
		config := strings.ReplaceAll(text, "URL", url)
		config = strings.ReplaceAll(config, "sqlite:x", url+".other")
		err := database.New().Configure(t.Context(), json.RawMessage(config))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n got %v\nwant %s", text, err, want)
		}
	}
}

func TestNoPasswordInErrors(t *testing.T) {
	for _, url := range []string{
		"postgres://user@127.0.0.1:1/db", "mysql://user@127.0.0.1:1/db", "postgres://user:hunter2%zz@127.0.0.1:1/db", "oracle://user:hunter2@host",
	} {
		err := database.New().Configure(t.Context(), json.RawMessage(`{"url":"`+url+`","password":"hunter2"}`))
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", url, err)
		}
	}
	err := database.New().Configure(t.Context(), json.RawMessage(`{"url":"sqlite:x","password":{"hunter2":1}}`))
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Error(err)
	}
}
