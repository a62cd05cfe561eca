package database_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/plugins/database"
	"github.com/claimsmith/claimsmith/plugins/sdk"
)

func TestLoginByUsersTable(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		users := openUsers(t, url)
		add(t, users, alice(), "wonderland")
		for _, organisation := range []string{"Acme", "Other"} {
			add(t, users, database.User{Username: "twice", Organisation: organisation}, sdk.Secret("of "+organisation))
			add(t, users, database.User{Username: "thrice", Organisation: organisation}, sdk.Secret("of "+organisation))
		}
		add(t, users, database.User{Username: "thrice"}, "of none")
		for name, change := range map[string]func(*database.User){
			"disabled": func(u *database.User) { u.Disabled = true },
			"locked":   func(u *database.User) { u.Locked = true },
			"expired":  func(u *database.User) { u.Expires = time.Now().Add(-time.Second) },
			"changing": func(u *database.User) { u.MustChange = true },
			"all":      func(u *database.User) { u.Disabled, u.Locked, u.MustChange = true, true, true },
		} {
			user := database.User{Username: name}
			change(&user)
			add(t, users, user, "right")
		}
		if _, err := users.AddHashed(t.Context(), database.User{Username: "imported"},
			"$2y$04$gPMyp4YbkbOSdR7EUMncT.rXK6ndllaWhOdZdMzOqBfKhEU0xVH6m"); err != nil {
			t.Fatal(err)
		}

		p := configured(t, map[string]any{"url": url})
		for _, c := range []struct {
			request sdk.Request
			want    string
		}{
			{login("alice", "wonderland"), "ok"},
			{login("ALICE", "wonderland", "organisation", "acme"), "ok"},
			{login("alice", "Wonderland"), "invalid"},
			{login("alice", "wonderland "), "invalid"},
			{login("alice", "wonderland", "organisation", "Other"), "unknown"},
			{login("alice", "wonderland", "unit", "south"), "ok"},
			{login("alice", "wonderland", "unit", "west"), "invalid"},
			{login("bob", "wonderland"), "unknown"},
			{login("", "wonderland"), "unknown"},
			{login("' or '1'='1", "wonderland"), "unknown"},
			{login("a\x00b", "wonderland"), "unknown"},
			{login("a\xff", "wonderland"), "unknown"},
			{login("alice", "wonderland", "organisation", "\x00"), "unknown"},
			{login("alice", strings.Repeat("w", 16_000)), "invalid"},

			{login("twice", "of Acme"), "invalid"},
			{login("twice", "of Acme", "organisation", "Acme"), "ok"},
			{login("twice", "of Acme", "organisation", "Other"), "invalid"},
			{login("thrice", "of none"), "ok"},
			{login("thrice", "of Acme"), "invalid"},

			{login("disabled", "right"), "disabled"},
			{login("disabled", "wrong"), "invalid"},
			{login("locked", "right"), "locked"},
			{login("locked", "wrong"), "invalid"},
			{login("expired", "right"), "expired"},
			{login("expired", "wrong"), "invalid"},
			{login("changing", "right"), "must_change"},
			{login("changing", "wrong"), "invalid"},
			{login("all", "right"), "disabled"},
			{login("imported", strings.Repeat("a", 72)), "ok"},
			{login("imported", strings.Repeat("a", 80)), "invalid"},
		} {
			_, err := p.Authenticate(t.Context(), c.request)
			if got := outcome(err); got != c.want {
				t.Errorf("%.20q %.20q %v: %s, want %s", c.request.Credential.Username, c.request.Credential.Secret.Reveal(),
					c.request.Attributes, got, c.want)
			}
		}

		key := login("alice", "wonderland")
		key.Credential.Kind = sdk.APIKey
		if _, err := p.Authenticate(t.Context(), key); outcome(err) != "unknown" {
			t.Errorf("another kind of credential: %v, want unknown", err)
		}
	}, "sqlite", "postgres")
}

func TestIdentityOfAUser(t *testing.T) {
	url := newDatabase(t, "sqlite")
	user, err := openUsers(t, url).Add(t.Context(), alice(), "wonderland")
	if err != nil {
		t.Fatal(err)
	}
	p := configured(t, map[string]any{"url": url, "users": true})
	got, err := p.Authenticate(t.Context(), login("alice", "wonderland", "unit", "south"))
	if err != nil {
		t.Fatal(err)
	}
	want := sdk.Identity{
		Subject: user.ID, Username: "Alice", Name: "Alice Liddell", Email: "alice@acme.example",
		Organisation: "Acme", Unit: "south", Units: []string{"north", "south"},
		Groups: []string{"staff"}, Roles: []string{"admin", "auditor"}, Expires: user.Expires,
		Claims: map[string]any{
			"level": int64(9007199254740993), "ratio": 0.5, "tags": []any{"a", int64(1)},
			"email_verified": true, "default_unit": "north", "user_type": "human",
			"time_zone": "Europe/London", "date_format": "dd/MM/yyyy",
			"created": user.Created.UnixMilli(), "updated": user.Created.UnixMilli(),
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("identity (-want +got):\n%s", diff)
	}
	if id, err := p.Lookup(t.Context(), "alice"); err != nil || id.Subject != user.ID || id.Unit != "north" {
		t.Errorf("Lookup by name = %v, %v", id, err)
	}
	if id, err := p.Lookup(t.Context(), user.ID); err != nil || id.Username != "Alice" {
		t.Errorf("Lookup by subject = %v, %v", id, err)
	}
	if _, err := p.Lookup(t.Context(), "nobody"); outcome(err) != "unknown" {
		t.Errorf("Lookup of nobody: %v", err)
	}
}

func TestRefreshOfAUser(t *testing.T) {
	ctx := t.Context()
	url := newDatabase(t, "sqlite")
	users := openUsers(t, url)
	user := add(t, users, alice(), "wonderland")
	p := configured(t, map[string]any{"url": url})
	id, err := p.Authenticate(ctx, login("alice", "wonderland", "unit", "south"))
	if err != nil {
		t.Fatal(err)
	}

	refresh := func(want string) sdk.Identity {
		t.Helper()
		got, err := p.Refresh(ctx, id)
		if outcome(err) != want {
			t.Errorf("Refresh: %v, want %s", err, want)
		}
		return got
	}
	user.Roles = []string{"auditor"}
	if err := users.Update(ctx, user); err != nil {
		t.Fatal(err)
	}
	if got := refresh("ok"); got.Unit != "south" || !cmp.Equal(got.Roles, user.Roles) {
		t.Errorf("refreshed to unit %s and roles %v", got.Unit, got.Roles)
	}
	users.Disable(ctx, user.ID)
	refresh("disabled")
	users.Enable(ctx, user.ID)
	refresh("ok")
	users.SetPassword(ctx, user.ID, "new", true)
	refresh("must_change")
	user.Units = []string{"north"}
	users.Update(ctx, user)
	refresh("invalid")
	users.Delete(ctx, user.ID)
	refresh("unknown")
}

func TestDatabaseThatIsGone(t *testing.T) {
	url := newDatabase(t, "sqlite")
	add(t, openUsers(t, url), alice(), "wonderland")
	p := configured(t, map[string]any{"url": url})
	execute(t, url, "drop table users")
	for name, err := range map[string]error{
		"known":   second(p.Authenticate(t.Context(), login("alice", "wonderland"))),
		"unknown": second(p.Authenticate(t.Context(), login("bob", "wonderland"))),
		"refresh": second(p.Refresh(t.Context(), sdk.Identity{Subject: "x"})),
		"lookup":  second(p.Lookup(t.Context(), "alice")),
	} {
		if outcome(err) != "unavailable" {
			t.Errorf("%s: %v, want unavailable", name, err)
		}
		if strings.Contains(err.Error(), "wonderland") {
			t.Errorf("%s: the error holds the password: %v", name, err)
		}
	}
}

func second[A any](_ A, err error) error { return err }
