package database_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/internal/servertest"
	"github.com/claimsmith/claimsmith/plugins/database"
	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

const person = `create table person (id varchar(50) primary key, pw varchar(200), team varchar(50))`

// replicated makes a primary and two replicas that nothing keeps alike, so that
// who has answered shows in the team. Each replica says how far behind it is.
func replicated(t testing.TB, primary string, replicas ...string) map[string]any {
	t.Helper()
	execute(t, primary, person, `insert into person values ('alice', 'right', 'primary')`)
	for _, url := range replicas {
		makeReplica(t, url)
	}
	return map[string]any{
		"url": primary, "replicas": replicas, "max_lag": "1s", "lag": "select seconds from behind",
		"allow": []string{"plaintext"},
		"query": `select id as subject, pw as password, team as "groups" from person where id = :username`,
	}
}

func makeReplica(t testing.TB, url string) {
	t.Helper()
	execute(t, url, person, `insert into person values ('alice', 'right', 'replica')`,
		`create table behind (seconds numeric(10,3))`, `insert into behind values (0)`)
}

// by returns who let somebody in, or how the login ended.
func by(t testing.TB, p *database.Plugin, username, secret string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	id, err := p.Authenticate(ctx, login(username, secret))
	if err != nil {
		return outcome(err)
	}
	return strings.Join(id.Groups, " ")
}

// eventually waits until somebody is let in, or refused, as wanted.
func eventually(t testing.TB, p *database.Plugin, username, secret, want string) {
	t.Helper()
	got := ""
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if got = by(t, p, username, secret); got == want {
			return
		}
	}
	t.Fatalf("%s: %s, want %s", username, got, want)
}

func TestLoginsAreReadFromReplicas(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		kind := strings.TrimPrefix(t.Name(), "TestLoginsAreReadFromReplicas/")
		one, two := newDatabase(t, kind), newDatabase(t, kind)
		config := replicated(t, url, one, two)
		execute(t, two, `update person set team = 'second'`)
		p := configured(t, config)
		seen := map[string]int{}
		for range 10 {
			seen[by(t, p, "alice", "right")]++
		}
		if seen["replica"] != 5 || seen["second"] != 5 {
			t.Errorf("ten logins were read from %v, want five each", seen)
		}
		if id, err := p.Refresh(t.Context(), sdk.Identity{Subject: "alice", Username: "alice"}); err != nil || id.Groups[0] == "primary" {
			t.Errorf("Refresh = %v, %v; want it from a replica", id.Groups, err)
		}

		execute(t, one, `update behind set seconds = 60`)
		eventually(t, p, "alice", "right", "second")
		seen = map[string]int{}
		for range 4 {
			seen[by(t, p, "alice", "right")]++
		}
		if seen["second"] < 2 {
			t.Errorf("while one lags, logins were read from %v", seen)
		}
		execute(t, two, `update behind set seconds = null`)
		eventually(t, p, "alice", "right", "primary")
		execute(t, two, `update behind set seconds = 0.5`)
		eventually(t, p, "alice", "right", "second")
		if _, err := p.Lookup(t.Context(), "alice"); err != nil {
			t.Errorf("Lookup: %v", err)
		}
	}, "sqlite", "postgres", "mariadb")
}

// A replica's no is not the last word.
func TestWhatAReplicaDoesNotHaveYet(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		kind := strings.TrimPrefix(t.Name(), "TestWhatAReplicaDoesNotHaveYet/")
		replica := newDatabase(t, kind)
		p := configured(t, replicated(t, url, replica))
		execute(t, url, `insert into person values ('new', 'right', 'primary')`, `update person set pw = 'changed' where id = 'alice'`)
		for _, c := range []struct{ username, secret, want string }{
			{"new", "right", "primary"},
			{"new", "wrong", "invalid"},
			{"alice", "changed", "primary"},
			{"alice", "right", "replica"}, // for max_lag at most
			{"alice", "wrong", "invalid"},
			{"nobody", "right", "unknown"},
		} {
			if got := by(t, p, c.username, c.secret); got != c.want {
				t.Errorf("%s with %s: %s, want %s", c.username, c.secret, got, c.want)
			}
		}
		if _, err := p.Refresh(t.Context(), sdk.Identity{Subject: "new", Username: "new"}); err != nil {
			t.Errorf("Refresh of who is on the primary alone: %v", err)
		}
	}, "sqlite", "postgres")
}

func TestServersThatFail(t *testing.T) {
	primary, replica, other := servertest.PostgreSQL(t), servertest.PostgreSQL(t), servertest.PostgreSQL(t)
	config := replicated(t, primary, replica, other)
	execute(t, other, `update person set team = 'second'`)
	toPrimary, toReplica, toOther := servertest.NewLine(t, primary), servertest.NewLine(t, replica), servertest.NewLine(t, other)
	config["url"], config["replicas"] = toPrimary.URL, []string{toReplica.URL, toOther.URL}
	p := configured(t, config)

	for failure, fail := range map[string]func(*servertest.Line){"cut off": (*servertest.Line).Cut, "frozen": (*servertest.Line).Freeze} {
		fail(toReplica)
		for range 4 {
			if got := by(t, p, "alice", "right"); got != "second" && got != "replica" {
				t.Errorf("one replica is %s: %s", failure, got)
			}
		}
		fail(toOther)
		eventually(t, p, "alice", "right", "primary")
		if got := by(t, p, "nobody", "right"); got != "unknown" {
			t.Errorf("both replicas are %s: nobody is %s", failure, got)
		}
		fail(toPrimary)
		for _, username := range []string{"alice", "nobody"} {
			if got := by(t, p, username, "right"); got != "unavailable" {
				t.Errorf("all are %s: %s is %s", failure, username, got)
			}
		}
		toReplica.Mend()
		eventually(t, p, "alice", "right", "replica")
		for username, want := range map[string]string{"alice": "invalid", "nobody": "unknown"} {
			if got := by(t, p, username, "wrong"); got != want { // within max_lag its word stands
				t.Errorf("primary and a replica are %s: %s is %s", failure, username, got)
			}
		}
		toPrimary.Mend()
		toOther.Mend()
		eventually(t, p, "alice", "right", "second")
	}
}

func TestStartWhileServersAreDown(t *testing.T) {
	dir := t.TempDir()
	primary, replica := "sqlite:"+filepath.Join(dir, "primary.db"), "sqlite:"+filepath.Join(dir, "replica.db")
	config := replicated(t, primary)
	config["replicas"] = []string{replica}
	p := configured(t, config)
	if got := by(t, p, "alice", "right"); got != "primary" {
		t.Errorf("without a replica: %s", got)
	}
	makeReplica(t, replica)
	eventually(t, p, "alice", "right", "replica")

	url := servertest.PostgreSQL(t)
	line := servertest.NewLine(t, url)
	add(t, openUsers(t, url), database.User{Username: "alice"}, "right")
	line.Cut()
	late := configured(t, map[string]any{"url": line.URL, "replicas": []string{url}, "max_lag": "10s", "lag": "select 0"})
	if _, err := late.Authenticate(t.Context(), login("alice", "right")); err != nil {
		t.Errorf("while the primary is down: %v", err)
	}
	if _, err := late.Authenticate(t.Context(), login("alice", "wrong")); outcome(err) != "invalid" {
		t.Errorf("a wrong password while the primary is down: %v", err)
	}
}

func TestPostgreSQLSaysHowFarBehindAReplicaIs(t *testing.T) {
	primary := servertest.PostgreSQL(t)
	execute(t, primary, person)
	replica := servertest.PostgreSQLReplica(t, primary)
	p := configured(t, map[string]any{
		"url": primary, "replicas": []string{replica}, "max_lag": "500ms", "allow": []string{"plaintext"},
		"query": `select id as subject, pw as password, case when pg_is_in_recovery() then 'replica' else 'primary' end as "groups"
			from person where id = :username`,
	})
	execute(t, primary, `insert into person values ('alice', 'right', '')`)
	if got := by(t, p, "alice", "right"); got != "replica" && got != "primary" {
		t.Errorf("at once after the person was added: %s", got)
	}
	eventually(t, p, "alice", "right", "replica")

	execute(t, replica, `select pg_wal_replay_pause()`)
	execute(t, primary, `update person set pw = 'changed'`)
	eventually(t, p, "alice", "changed", "primary")
	eventually(t, p, "alice", "right", "invalid") // once the replica is too far behind
	execute(t, replica, `select pg_wal_replay_resume()`)
	eventually(t, p, "alice", "changed", "replica")

	db, err := sqldb.Open(t.Context(), sqldb.Config{URL: replica})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for idle := false; !idle; time.Sleep(20 * time.Millisecond) {
		if err := db.Get(t.Context(), &idle, `select clock_timestamp() - pg_last_xact_replay_timestamp() > interval '2 s'`); err != nil {
			t.Fatal(err)
		}
	}
	if got := by(t, p, "alice", "changed"); got != "replica" {
		t.Errorf("a replica of a primary on which nothing happens: %s", got)
	}
}
