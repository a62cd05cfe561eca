package database_test

import (
	"bytes"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/claimsmith/claimsmith/plugins/database"
	"github.com/claimsmith/claimsmith/plugins/database/password"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

const (
	member     = `create table member (login varchar(50) primary key, pw varchar(255), version int)`
	bcryptHash = "$2y$04$d5VkI6SUrjzaiFJw8Jq7b.YuoQT9vc6riwxVwIIM8aM5JhhuaPgJe" // of "correct horse"
)

func renewing(url string) map[string]any {
	return map[string]any{
		"url": url, "rehash": true, "allow": password.Weak,
		"query":  `select login as subject, pw as password from member where login = :username`,
		"update": `update member set pw = :hash, version = version + 1 where login = :username and pw = :old_hash`,
	}
}

func openDatabase(t testing.TB, url string) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), sqldb.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// storedHash is the hash of a member, and how often it was replaced.
func storedHash(t testing.TB, db *sqldb.DB, username string) (hash string, version int) {
	t.Helper()
	row := struct {
		PW      string
		Version int
	}{}
	if err := db.Get(t.Context(), &row, `select pw, version from member where login = ?`, username); err != nil {
		t.Fatal(err)
	}
	return row.PW, row.Version
}

// families are a hash of each scheme, made by other tools, by scheme, with its password.
func families(t testing.TB) map[string][2]string {
	text, err := os.ReadFile("password/testdata/hashes.tsv")
	if err != nil {
		t.Fatal(err)
	}
	all, err := password.Allow(password.Weak...)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][2]string{}
	for line := range strings.Lines(string(text)) {
		if v := strings.Split(strings.TrimSpace(line), "\t"); len(v) == 4 {
			h, err := all.Parse(v[3])
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := found[h.Scheme()]; !ok {
				found[h.Scheme()] = [2]string{v[2], v[3]}
			}
		}
	}
	return found
}

func TestHashesAreRenewedAtLogin(t *testing.T) {
	all := families(t)
	some := map[string][2]string{"bcrypt": all["bcrypt"], "plaintext": all["plaintext"], "ssha": all["ssha"]}
	renew := func(t *testing.T, url string, families map[string][2]string) {
		execute(t, url, member)
		db := openDatabase(t, url)
		for scheme, v := range families {
			if _, err := db.Exec(t.Context(), `insert into member values (?, ?, 0)`, scheme, v[1]); err != nil {
				t.Fatal(err)
			}
			p := configured(t, renewing(url))
			for _, c := range []struct{ secret, want string }{{"wrong", "invalid"}, {v[0], "ok"}} {
				if _, err := p.Authenticate(t.Context(), login(scheme, c.secret)); outcome(err) != c.want {
					t.Errorf("%s: %v, want %s", scheme, err, c.want)
				}
			}
			p.Close() // waits
			renewed, version := storedHash(t, db, scheme)
			h, err := (password.Policy{}).Parse(renewed)
			if err != nil || version != 1 || !strings.HasPrefix(renewed, "$argon2id$v=19$m=19456,t=2,p=1$") {
				t.Errorf("%s was replaced %d times by %.12s, %v", scheme, version, renewed, err)
			} else if !h.Verify(v[0]) {
				t.Errorf("%s: the new hash is not of the password", scheme)
			}
		}
	}
	onEach(t, func(t *testing.T, url string) { renew(t, url, all) }, "sqlite")
	onEach(t, func(t *testing.T, url string) { renew(t, url, some) }, "postgres", "mariadb")
}

// Another application of the same table may know the hash by a prefix.
func TestHashesAreRenewedInTheFormOfAnother(t *testing.T) {
	url := newDatabase(t, "sqlite")
	execute(t, url, member, `insert into member values ('alice', 'bcrypt$`+bcryptHash+`', 0)`)
	for _, prefix := range []string{"argon2", "{argon2}"} {
		config := renewing(url)
		config["update"] = `update member set pw = '` + prefix + `' || :hash where login = :username and pw = :old_hash`
		for range 2 {
			p := configured(t, config)
			if _, err := p.Authenticate(t.Context(), login("alice", "correct horse")); err != nil {
				t.Error(err)
			}
			p.Close()
		}
		if hash, _ := storedHash(t, openDatabase(t, url), "alice"); !strings.HasPrefix(hash, prefix+"$argon2id$v=19$") {
			t.Errorf("with the prefix %s: %.20s", prefix, hash)
		}
		execute(t, url, `update member set pw = '{bcrypt}`+bcryptHash+`'`)
	}
}

func TestManyLoginsRenewOnce(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		execute(t, url, member, `insert into member values ('alice', '`+bcryptHash+`', 0)`)
		var plugins []*database.Plugin // as many processes
		for range 4 {
			plugins = append(plugins, configured(t, renewing(url)))
		}
		db := openDatabase(t, url)
		version := 0
		for round := 0; round < 5 && version == 0; round++ { // a slow machine may be late with the first
			var logins sync.WaitGroup
			for i := range 16 {
				logins.Go(func() {
					if _, err := plugins[i%4].Authenticate(t.Context(), login("alice", "correct horse")); err != nil {
						t.Error(err)
					}
				})
			}
			logins.Wait()
			_, version = storedHash(t, db, "alice")
		}
		for _, p := range plugins {
			p.Close() // waits
		}
		if hash, version := storedHash(t, db, "alice"); version != 1 || !strings.HasPrefix(hash, "$argon2id$") {
			t.Errorf("the hash was replaced %d times, want once", version)
		}
	}, "sqlite", "postgres", "mariadb")
}

func TestAPasswordChangedMeanwhileStays(t *testing.T) {
	const other = "$2y$04$gPMyp4YbkbOSdR7EUMncT.rXK6ndllaWhOdZdMzOqBfKhEU0xVH6m"
	// The login sees the hash from before the change, its renewal comes to after it.
	meanwhile := func(t *testing.T, config map[string]any, change, read string) {
		p := configured(t, config)
		db := openDatabase(t, config["url"].(string))
		err := db.Tx(t.Context(), func(tx sqldb.Tx) error {
			if _, err := tx.Exec(t.Context(), change, other); err != nil {
				return err
			}
			_, err := p.Authenticate(t.Context(), login("alice", "correct horse"))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		p.Close()
		var hash string
		if err := db.Get(t.Context(), &hash, read); err != nil || hash != other {
			t.Errorf("the new password was overwritten by %.10s, %v", hash, err)
		}
	}
	onEach(t, func(t *testing.T, url string) {
		execute(t, url, member, `insert into member values ('alice', '`+bcryptHash+`', 0)`)
		meanwhile(t, renewing(url), `update member set pw = ?`, `select pw from member`)
	}, "sqlite", "postgres", "mariadb")
	onEach(t, func(t *testing.T, url string) {
		if _, err := openUsers(t, url).AddHashed(t.Context(), database.User{Username: "alice"}, bcryptHash); err != nil {
			t.Fatal(err)
		}
		meanwhile(t, map[string]any{"url": url, "rehash": true}, `update users set password = ?`, `select password from users`)
	}, "sqlite", "postgres")
}

func TestUsersTableIsRenewed(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		users := openUsers(t, url)
		user, err := users.AddHashed(t.Context(), database.User{Username: "alice"}, bcryptHash)
		if err != nil {
			t.Fatal(err)
		}
		stored := func() (hash string) {
			if err := openDatabase(t, url).Get(t.Context(), &hash, `select password from users`); err != nil {
				t.Fatal(err)
			}
			return hash
		}
		logIn := func(config map[string]any) {
			p := configured(t, config)
			if _, err := p.Authenticate(t.Context(), login("alice", "correct horse")); err != nil {
				t.Error(err)
			}
			p.Close()
		}
		logIn(map[string]any{"url": url})
		if stored() != bcryptHash {
			t.Error("the hash was replaced though nobody asked for it")
		}
		logIn(map[string]any{"url": url, "rehash": true})
		renewed := stored()
		if !strings.HasPrefix(renewed, "$argon2id$") {
			t.Error("the hash was not replaced")
		}
		logIn(map[string]any{"url": url, "rehash": true})
		if stored() != renewed {
			t.Error("a hash of today was replaced")
		}
		if got, _ := users.Get(t.Context(), user.ID); !got.Updated.Equal(user.Updated) {
			t.Error("the person counts as changed")
		}
	}, "sqlite", "postgres")
}

// logged collects the log until the end of the test.
func logged(t testing.TB) *bytes.Buffer {
	var b bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&b, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	return &b
}

func TestRenewalsThatFail(t *testing.T) {
	const table = `create table member (login varchar(50) primary key, pw varchar(60), version int, number int)`
	strict := `update member set pw = :hash where login = :username and pw = :old_hash`
	for name, c := range map[string]struct{ kind, options, update, want string }{
		"a column that is too short":    {"postgres", "", strict, "value too long"},
		"likewise in MariaDB":           {"mariadb", "", strict, "Data too long"},
		"a column that cuts the hash":   {"mariadb", "?sql_mode=''", strict, "has its column room for 97 characters?"},
		"an error that quotes the hash": {"mariadb", "", `update member set number = :old_hash, pw = left(:hash, 9) where login = :username`, "with words that quote the hash"},
		"more than one row":             {"sqlite", "", `update member set pw = :hash where :old_hash <> '' and :username <> '.'`, "update changes 2 rows"},
	} {
		t.Run(name, func(t *testing.T) {
			log := logged(t)
			url := newDatabase(t, c.kind)
			execute(t, url, table, `insert into member values ('alice', '`+bcryptHash+`', 0, 0), ('bob', '`+bcryptHash+`', 0, 0)`)
			config := renewing(url + c.options)
			config["update"] = c.update
			p := configured(t, config)
			if _, err := p.Authenticate(t.Context(), login("alice", "correct horse")); err != nil {
				t.Errorf("the login failed: %v", err)
			}
			p.Close()
			db := openDatabase(t, url)
			for _, username := range []string{"alice", "bob"} {
				if hash, _ := storedHash(t, db, username); hash != bcryptHash {
					t.Errorf("the hash of %s is %s", username, hash)
				}
			}
			if !strings.Contains(log.String(), "cannot renew a password hash") || !strings.Contains(log.String(), c.want) {
				t.Errorf("log %s\nwant %s", log, c.want)
			}
			if strings.Contains(log.String(), bcryptHash[:20]) || strings.Contains(log.String(), "$argon2id") || strings.Contains(log.String(), "horse") {
				t.Errorf("the log holds a secret: %s", log)
			}
		})
	}
}

// A hash goes to the primary, whichever server the login was read from.
func TestRenewalsGoToThePrimary(t *testing.T) {
	primary, replica := newDatabase(t, "sqlite"), newDatabase(t, "sqlite")
	for _, url := range []string{primary, replica} {
		execute(t, url, member, `insert into member values ('alice', '`+bcryptHash+`', 0)`)
	}
	config := renewing(primary)
	config["replicas"], config["max_lag"], config["lag"] = []string{replica}, "1s", "select 0"
	p := configured(t, config)
	if _, err := p.Authenticate(t.Context(), login("alice", "correct horse")); err != nil {
		t.Fatal(err)
	}
	p.Close()
	if _, version := storedHash(t, openDatabase(t, primary), "alice"); version != 1 {
		t.Error("the primary was not written to")
	}
	if _, version := storedHash(t, openDatabase(t, replica), "alice"); version != 0 {
		t.Error("the replica was written to")
	}
}
