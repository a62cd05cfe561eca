package database_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/bcrypt"

	"github.com/claimsmith/claimsmith/plugins/database"
	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

func openUsers(t testing.TB, url string) *database.Users {
	t.Helper()
	users, err := database.OpenUsers(t.Context(), sqldb.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { users.Close() })
	if err := users.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return users
}

// add adds a user with a hash that is quick to check.
func add(t testing.TB, users *database.Users, user database.User, secret sdk.Secret) database.User {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(secret.Reveal()), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	added, err := users.AddHashed(t.Context(), user, string(hash))
	if err != nil {
		t.Fatal(err)
	}
	return added
}

// alice has every fact that a user can have.
func alice() database.User {
	return database.User{
		Username: "Alice", Organisation: "Acme", Name: "Alice Liddell", Email: "alice@acme.example", EmailVerified: true,
		Groups: []string{"staff"}, Roles: []string{"admin", "auditor"}, Units: []string{"north", "south"}, DefaultUnit: "north",
		UserType: "human", TimeZone: "Europe/London", DateFormat: "dd/MM/yyyy",
		Claims:  map[string]any{"level": int64(9007199254740993), "ratio": 0.5, "tags": []any{"a", int64(1)}},
		Expires: time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond),
	}
}

func TestUsersTable(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		ctx := t.Context()
		users := openUsers(t, url)
		want, err := users.Add(ctx, alice(), "wonderland")
		if err != nil {
			t.Fatal(err)
		}
		other := alice()
		other.Organisation, other.Expires, other.Units = "Other", time.Time{}, []string{}
		add(t, users, other, "wonderland")

		got, err := users.Get(ctx, want.ID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Get (-added +got):\n%s", diff)
		}
		if got, err = users.Find(ctx, "ACME", "aLiCe"); err != nil || got.ID != want.ID {
			t.Errorf("Find in another letter case = %v, %v", got.ID, err)
		}
		if _, err = users.Find(ctx, "", "alice"); !errors.Is(err, database.ErrAmbiguous) {
			t.Errorf("Find without the organisation: %v, want ErrAmbiguous", err)
		}
		same := alice()
		same.Username = "ALICE"
		if _, err = users.Add(ctx, same, "x"); !errors.Is(err, database.ErrExists) {
			t.Errorf("Add of the same name: %v, want ErrExists", err)
		}

		want.Name, want.Groups, want.Disabled = "A. Liddell", nil, true
		if err := users.Update(ctx, want); err != nil {
			t.Fatal(err)
		}
		got, _ = users.Get(ctx, want.ID)
		if got.Updated.Before(want.Updated) {
			t.Errorf("Updated went back from %v to %v", want.Updated, got.Updated)
		}
		got.Updated = want.Updated
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("after Update (-want +got):\n%s", diff)
		}

		list, err := users.List(ctx, database.UserFilter{})
		if err != nil || len(list) != 2 || list[0].Organisation != "Acme" {
			t.Errorf("List = %v, %v", list, err)
		}
		if list, _ = users.List(ctx, database.UserFilter{Organisation: "other", Limit: 5}); len(list) != 1 {
			t.Errorf("List of one organisation has %d users", len(list))
		}
		if list, _ = users.List(ctx, database.UserFilter{Limit: 1, Offset: 2}); len(list) != 0 {
			t.Errorf("List past the end has %d users", len(list))
		}

		if err := users.Delete(ctx, want.ID); err != nil {
			t.Fatal(err)
		}
		for name, err := range map[string]error{
			"Delete": users.Delete(ctx, want.ID), "Disable": users.Disable(ctx, want.ID), "Enable": users.Enable(ctx, want.ID),
			"SetPassword": users.SetPassword(ctx, want.ID, "x", false), "Update": users.Update(ctx, want),
		} {
			if !errors.Is(err, database.ErrNotFound) {
				t.Errorf("%s of a deleted user: %v, want ErrNotFound", name, err)
			}
		}
	}, "sqlite", "postgres")
}

func TestUsersThatCannotBe(t *testing.T) {
	users := openUsers(t, newDatabase(t, "sqlite"))
	long := make([]byte, 20_000)
	for name, c := range map[string]struct {
		user   database.User
		secret sdk.Secret
	}{
		"no name":       {database.User{}, "x"},
		"blank name":    {database.User{Username: "  "}, "x"},
		"NUL":           {database.User{Username: "a\x00b"}, "x"},
		"not UTF-8":     {database.User{Username: "a\xff"}, "x"},
		"long name":     {database.User{Username: string(long[:2000])}, "x"},
		"no password":   {database.User{Username: "a"}, ""},
		"long password": {database.User{Username: "a"}, sdk.Secret(long)},
		"claims":        {database.User{Username: "a", Claims: map[string]any{"f": func() {}}}, "x"},
	} {
		if _, err := users.Add(t.Context(), c.user, c.secret); !errors.Is(err, database.ErrInvalid) {
			t.Errorf("%s: Add = %v, want ErrInvalid", name, err)
		}
	}
	for _, hash := range []string{"", "wonderland", "5f4dcc3b5aa765d61d8327deb882cf99"} {
		if _, err := users.AddHashed(t.Context(), alice(), hash); !errors.Is(err, database.ErrInvalid) {
			t.Errorf("AddHashed(%q) = %v, want ErrInvalid", hash, err)
		}
	}
}

func TestSixStartAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		var starting sync.WaitGroup
		for range 6 {
			starting.Go(func() {
				users, err := database.OpenUsers(t.Context(), sqldb.Config{URL: url})
				if err == nil {
					err = users.Migrate(t.Context())
					users.Close()
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		starting.Wait()
	}, "sqlite", "postgres")
}

func TestUsersTableIsNotInMariaDB(t *testing.T) {
	if _, err := database.OpenUsers(t.Context(), sqldb.Config{URL: newDatabase(t, "mariadb")}); err == nil {
		t.Error("OpenUsers has no error")
	}
}
