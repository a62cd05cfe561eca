package apikey_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/claimsmith/claimsmith/internal/servertest"
	"github.com/claimsmith/claimsmith/plugins/apikey"
	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// onEach runs a test on a new database of each kind that holds keys.
func onEach(t *testing.T, f func(t *testing.T, url string)) {
	for _, kind := range []string{"sqlite", "postgres"} {
		t.Run(kind, func(t *testing.T) { f(t, newDatabase(t, kind)) })
	}
}

func newDatabase(t testing.TB, kind string) string {
	if kind == "postgres" {
		return servertest.PostgreSQL(t)
	}
	return "sqlite:" + filepath.Join(t.TempDir(), "test.db")
}

func openKeys(t testing.TB, url string) *apikey.Keys {
	t.Helper()
	keys, err := apikey.OpenKeys(t.Context(), sqldb.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keys.Close() })
	if err := keys.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return keys
}

func configured(t testing.TB, url string) *apikey.Plugin {
	t.Helper()
	config, _ := json.Marshal(map[string]any{"url": url})
	p := apikey.New()
	if err := p.Configure(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// robot has every fact that a key can have.
func robot() apikey.Record {
	return apikey.Record{
		Name: "nightly export",
		Owner: apikey.Owner{
			Subject: "robot-1", Username: "robot", Name: "Export robot", Email: "robot@acme.example", Organisation: "Acme",
			DefaultUnit: "north", Units: []string{"north", "south"}, Groups: []string{"robots"}, Roles: []string{"reader"},
			Claims: map[string]any{"level": int64(9007199254740993), "tags": []any{"a", 0.5}},
		},
		Scopes: []string{"read"}, Audience: []string{"https://api.example"},
		Sources: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")},
		Expires: time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond),
	}
}

func create(t testing.TB, keys *apikey.Keys, r apikey.Record) (apikey.Record, sdk.Secret) {
	t.Helper()
	r, text, err := keys.Create(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return r, text
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

var addresses = cmpopts.EquateComparable(netip.Prefix{})

func TestKeys(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		ctx := t.Context()
		keys := openKeys(t, url)
		want, text := create(t, keys, robot())
		if key, err := apikey.Parse(text.Reveal()); err != nil || key.ID != want.ID {
			t.Errorf("Parse of the key = %v, %v", key, err)
		}
		if printed := fmt.Sprintf("%v %+v %#v", text, want, want); strings.Contains(printed, text.Reveal()) {
			t.Error("the key can be printed")
		}
		got, err := keys.Get(ctx, want.ID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, addresses); diff != "" {
			t.Errorf("Get (-created +got):\n%s", diff)
		}

		// Lists that bound nothing and lists that allow nothing stay apart.
		bare, _ := create(t, keys, apikey.Record{Owner: apikey.Owner{Subject: "robot-2"}, Scopes: []string{}})
		if got, err = keys.Get(ctx, bare.ID); err != nil || got.Scopes == nil || got.Audience != nil || got.Sources != nil {
			t.Errorf("Get = %#v, %v", got, err)
		}

		imported, err := keys.Import(ctx, robot(), strings.ToUpper(digest("foreign")))
		if err != nil || !imported.Imported {
			t.Fatalf("Import = %+v, %v", imported, err)
		}
		if _, err = keys.Import(ctx, robot(), digest("foreign")); !errors.Is(err, apikey.ErrExists) {
			t.Errorf("Import of the same: %v, want ErrExists", err)
		}
		if _, err = keys.Import(ctx, robot(), "foreign"); !errors.Is(err, apikey.ErrInvalid) {
			t.Errorf("Import of the key itself: %v, want ErrInvalid", err)
		}
		if _, _, err = keys.Create(ctx, apikey.Record{}); !errors.Is(err, apikey.ErrInvalid) {
			t.Errorf("Create without an owner: %v, want ErrInvalid", err)
		}

		if list, err := keys.List(ctx, apikey.Filter{}); err != nil || len(list) != 3 {
			t.Errorf("List has %d keys, %v", len(list), err)
		}
		if list, _ := keys.List(ctx, apikey.Filter{Subject: "robot-1", Organisation: "Acme", Limit: 5}); len(list) != 2 {
			t.Errorf("List of one owner has %d keys", len(list))
		}

		if err := keys.Revoke(ctx, want.ID); err != nil {
			t.Fatal(err)
		}
		first, _ := keys.Get(ctx, want.ID)
		if err := keys.Revoke(ctx, want.ID); err != nil {
			t.Errorf("Revoke again: %v", err)
		}
		if again, _ := keys.Get(ctx, want.ID); first.Revoked.IsZero() || !again.Revoked.Equal(first.Revoked) {
			t.Errorf("revoked at %v, then at %v", first.Revoked, again.Revoked)
		}
		if err := keys.Revoke(ctx, "nothing"); !errors.Is(err, apikey.ErrNotFound) {
			t.Errorf("Revoke of nothing: %v, want ErrNotFound", err)
		}
	})
}

func TestRotation(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		ctx := t.Context()
		keys := openKeys(t, url)
		old, _ := create(t, keys, robot())
		next, text, err := keys.Rotate(ctx, old.ID, 10*time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if key, err := apikey.Parse(text.Reveal()); err != nil || key.ID != next.ID {
			t.Errorf("Parse of the successor = %v, %v", key, err)
		}
		if diff := cmp.Diff(old, next, addresses, cmpopts.IgnoreFields(apikey.Record{}, "ID", "Created", "Expires")); diff != "" {
			t.Errorf("the successor differs (-old +new):\n%s", diff)
		}
		if was, is := old.Expires.Sub(old.Created), next.Expires.Sub(next.Created); was != is {
			t.Errorf("lifetime was %v and is %v", was, is)
		}
		got, _ := keys.Get(ctx, old.ID)
		if end := got.Expires.Sub(next.Created); got.Successor != next.ID || end < 10*time.Minute-time.Second || end > 10*time.Minute+time.Second {
			t.Errorf("the old key's successor is %s, and it ends after %v", got.Successor, end)
		}
		if _, _, err := keys.Rotate(ctx, old.ID, 0); !errors.Is(err, apikey.ErrRotated) {
			t.Errorf("Rotate again: %v, want ErrRotated", err)
		}
		if _, _, err := keys.Rotate(ctx, "nothing", 0); !errors.Is(err, apikey.ErrNotFound) {
			t.Errorf("Rotate of nothing: %v, want ErrNotFound", err)
		}
		keys.Revoke(ctx, next.ID)
		if _, _, err := keys.Rotate(ctx, next.ID, 0); !errors.Is(err, apikey.ErrEnded) {
			t.Errorf("Rotate of a revoked key: %v, want ErrEnded", err)
		}

		short := robot()
		short.Expires = time.Now().Add(time.Minute)
		soon, _ := create(t, keys, short)
		if _, _, err := keys.Rotate(ctx, soon.ID, time.Hour); err != nil {
			t.Fatal(err)
		}
		if got, _ := keys.Get(ctx, soon.ID); !got.Expires.Equal(soon.Expires) {
			t.Errorf("overlap moved the end of the old key from %v to %v", soon.Expires, got.Expires)
		}

		forever, _ := create(t, keys, apikey.Record{Owner: apikey.Owner{Subject: "x"}})
		var rotated, refused int
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				next, _, err := keys.Rotate(ctx, forever.ID, 0)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil && next.Expires.IsZero():
					rotated++
				case errors.Is(err, apikey.ErrRotated), errors.Is(err, apikey.ErrEnded):
					refused++
				default:
					t.Error(next.Expires, err)
				}
			})
		}
		all.Wait()
		if rotated != 1 || refused != 7 {
			t.Errorf("of 8 at once %d rotated and %d were refused", rotated, refused)
		}
	})
}

func TestSources(t *testing.T) {
	got, err := apikey.ParseSources([]string{"192.0.2.7/24", "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.9"})
	want := []netip.Prefix{
		netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("192.0.2.1/32"),
		netip.MustParsePrefix("2001:db8::1/128"), netip.MustParsePrefix("192.0.2.9/32"),
	}
	if diff := cmp.Diff(want, got, addresses); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for _, text := range []string{"", "everywhere", "192.0.2.0/33", "fe80::1%eth0", "::ffff:192.0.2.0/120"} {
		if got, err := apikey.ParseSources([]string{text}); err == nil {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}
