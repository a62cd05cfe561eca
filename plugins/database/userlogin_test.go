package database_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/claimsmith/claimsmith/plugins/database"
	"github.com/claimsmith/claimsmith/plugins/sdk"
)

func TestLoginByEmail(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		users := openUsers(t, url)
		for _, u := range []database.User{
			{Username: "alice", Organisation: "Acme", Email: "Alice@Example.com"},
			{Username: "alice", Organisation: "Other", Email: "alice@example.com"},
			{Username: "bob@example.com", Email: "BOB@example.com"},
			{Username: "carol", Organisation: "Acme", Email: "carol@example.com"},
			{Username: "carol@example.com", Organisation: "Other"},
			{Username: "dörte", Email: "Dörte@Example.com"},
		} {
			add(t, users, u, sdk.Secret("of "+u.Username+" in "+u.Organisation))
		}
		p := configured(t, map[string]any{"url": url})
		for _, c := range []struct {
			request sdk.Request
			want    string
		}{
			{login("alice@example.com", "of alice in Acme", "organisation", "Acme"), "ok"},
			{login("ALICE@EXAMPLE.COM", "of alice in Acme", "organisation", "acme"), "ok"},
			{login("alice@example.com", "of alice in Other", "organisation", "Other"), "ok"},
			{login("alice@example.com", "of alice in Other", "organisation", "Acme"), "invalid"},
			{login("alice@example.com", "of alice in Acme"), "invalid"}, // two people
			{login("alice", "of alice in Acme", "organisation", "Acme"), "ok"},
			{login("bob@EXAMPLE.com", "of bob@example.com in "), "ok"},
			{login("carol@example.com", "of carol in Acme"), "invalid"}, // the address of one, the user name of another
			{login("carol@example.com", "of carol in Acme", "organisation", "Acme"), "ok"},
			{login("carol@example.com", "of carol@example.com in Other", "organisation", "Other"), "ok"},
			{login("DÖRTE@example.com", "of dörte in "), "ok"},
			{login("example.com", "of alice in Acme", "organisation", "Acme"), "unknown"},
			{login("", "of alice in Acme", "organisation", "Acme"), "unknown"},
		} {
			_, err := p.Authenticate(t.Context(), c.request)
			if got := outcome(err); got != c.want {
				t.Errorf("%s %v: %s, want %s", c.request.Credential.Username, c.request.Attributes, got, c.want)
			}
		}
	}, "sqlite", "postgres")
}

func TestNamesThatAreTaken(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		users := openUsers(t, url)
		alice := add(t, users, database.User{Username: "alice", Organisation: "Acme", Email: "alice@example.com"}, "x")
		bob := add(t, users, database.User{Username: "bob", Organisation: "Acme"}, "x")
		taken := func(err error, want string) {
			t.Helper()
			e, ok := errors.AsType[*database.TakenError](err)
			if !ok || !errors.Is(err, database.ErrExists) || e.Holder.ID != alice.ID || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want a TakenError: %s", err, want)
			}
		}
		for want, u := range map[string]database.User{
			"it is the user name of alice":      {Username: "ALICE", Organisation: "acme"},
			"it is the e-mail address of alice": {Username: "Alice@example.com", Organisation: "Acme"},
			"alice@EXAMPLE.com already exists":  {Username: "carol", Organisation: "Acme", Email: "alice@EXAMPLE.com"},
			"alice already exists":              {Username: "carol", Organisation: "Acme", Email: "alice"},
		} {
			_, err := users.Add(t.Context(), u, "x")
			taken(err, want)
		}
		change := bob
		change.Email = "alice@example.com"
		taken(users.Update(t.Context(), change), "it is the e-mail address of alice")
		if got, err := users.Get(t.Context(), bob.ID); err != nil || got.Email != "" {
			t.Errorf("after a change that was refused: %+v, %v", got, err)
		}

		alice.Email = ""
		if err := users.Update(t.Context(), alice); err != nil {
			t.Fatal(err)
		}
		if err := users.Update(t.Context(), change); err != nil {
			t.Errorf("an address that was given up: %v", err)
		}
		if got, err := users.Find(t.Context(), "Acme", "alice@example.com"); err != nil || got.ID != bob.ID {
			t.Errorf("Find by an address that changed hands = %s, %v", got.Username, err)
		}
		if err := users.Delete(t.Context(), bob.ID); err != nil {
			t.Fatal(err)
		}
		add(t, users, database.User{Username: "alice@example.com", Organisation: "Acme"}, "x")
		if _, err := users.Add(t.Context(), database.User{Username: "dave", Email: " d@example.com"}, "x"); !errors.Is(err, database.ErrInvalid) {
			t.Errorf("an address with space around it: %v", err)
		}
	}, "sqlite", "postgres")
}

func TestOneAddressForManyAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		users := openUsers(t, url)
		var added atomic.Int64
		var adding sync.WaitGroup
		for i := range 8 {
			adding.Go(func() {
				u := database.User{Username: string(rune('a' + i)), Email: "shared@example.com"}
				if i%2 == 0 {
					u = database.User{Username: "shared@example.com"}
				}
				_, err := users.AddHashed(t.Context(), u, "{SSHA}Kee62iIAPlHtNdR/2KZqlRIWouwtRNFm")
				switch {
				case err == nil:
					added.Add(1)
				case !errors.Is(err, database.ErrExists):
					t.Error(err)
				}
			})
		}
		adding.Wait()
		if added.Load() != 1 {
			t.Errorf("%d people have the address, want 1", added.Load())
		}
	}, "sqlite", "postgres")
}

// A table of before e-mail addresses were ways to log in may hold an address twice.
func TestAddressesOfAnEarlierTable(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		users := openUsers(t, url)
		for _, name := range []string{"alice", "bob", "carol", "dave"} {
			add(t, users, database.User{Username: name}, sdk.Secret("of "+name))
		}
		execute(t, url, `update users set email = 'Two@example.com' where username in ('alice', 'bob')`,
			`update users set email = 'alice' where username = 'carol'`, `update users set email = 'Dave@example.com' where username = 'dave'`,
			`drop table user_logins`, `delete from goose_users where version_id = 2`)
		if err := users.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		p := configured(t, map[string]any{"url": url})
		for _, c := range []struct{ username, secret, want string }{
			{"two@example.com", "of alice", "unknown"},
			{"two@example.com", "of bob", "unknown"},
			{"alice", "of carol", "invalid"},
			{"alice", "of alice", "ok"},
			{"bob", "of bob", "ok"},
			{"carol", "of carol", "ok"},
			{"dave@example.com", "of dave", "ok"},
		} {
			if _, err := p.Authenticate(t.Context(), login(c.username, c.secret)); outcome(err) != c.want {
				t.Errorf("%s with the password %s: %v, want %s", c.username, c.secret, err, c.want)
			}
		}
	}, "sqlite", "postgres")
}
