package apikey_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/plugins/apikey"
	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

func request(text sdk.Secret, from string, unit string) sdk.Request {
	r := sdk.Request{Credential: sdk.Credential{Kind: sdk.APIKey, Secret: text}, Attributes: map[string]string{}}
	if from != "" {
		r.Remote = netip.MustParseAddr(from)
	}
	if unit != "" {
		r.Attributes["unit"] = unit
	}
	return r
}

// outcome names how a call ended: ok, unknown, a reason for denial, or unavailable.
func outcome(err error) string {
	if denied, ok := errors.AsType[*sdk.DeniedError](err); ok {
		return string(denied.Reason)
	}
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, sdk.ErrUnknown):
		return "unknown"
	case errors.Is(err, sdk.ErrUnavailable):
		return "unavailable"
	}
	return "fault: " + err.Error()
}

func TestAuthenticate(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		ctx := t.Context()
		keys := openKeys(t, url)
		_, bounded := create(t, keys, robot())
		free := apikey.Record{Owner: apikey.Owner{Subject: "free"}}
		_, open := create(t, keys, free)
		revoked, ended := create(t, keys, free)
		keys.Revoke(ctx, revoked.ID)
		past := free
		past.Expires = time.Now().Add(-time.Second)
		_, expired := create(t, keys, past)
		rotating, old := create(t, keys, free)
		_, successor, err := keys.Rotate(ctx, rotating.ID, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := keys.Import(ctx, free, digest("s3cret of theirs")); err != nil {
			t.Fatal(err)
		}
		_, elsewhere := create(t, openKeys(t, newDatabase(t, "sqlite")), free)

		var log bytes.Buffer
		defer slog.SetDefault(slog.Default())
		slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
		p := configured(t, url)
		for name, c := range map[string]struct {
			request sdk.Request
			want    string
		}{
			"ours":                     {request(open, "", ""), "ok"},
			"from inside":              {request(bounded, "192.0.2.9", ""), "ok"},
			"from inside, IPv6":        {request(bounded, "2001:db8::9%eth0", ""), "ok"},
			"from inside, mapped":      {request(bounded, "::ffff:192.0.2.9", ""), "ok"},
			"from outside":             {request(bounded, "198.51.100.1", ""), "disabled"},
			"from nobody knows":        {request(bounded, "", ""), "disabled"},
			"its unit":                 {request(bounded, "192.0.2.9", "south"), "ok"},
			"not its unit":             {request(bounded, "192.0.2.9", "west"), "invalid"},
			"revoked":                  {request(ended, "", ""), "disabled"},
			"expired":                  {request(expired, "", ""), "expired"},
			"rotated, in overlap":      {request(old, "", ""), "ok"},
			"successor":                {request(successor, "", ""), "ok"},
			"foreign":                  {request("s3cret of theirs", "", ""), "ok"},
			"foreign, unknown":         {request("s3cret of others", "", ""), "unknown"},
			"hash as foreign key":      {request(sdk.Secret(digest("s3cret of theirs")), "", ""), "unknown"},
			"unknown id":               {request(elsewhere, "", ""), "unknown"},
			"known id, not its secret": {request(forged(open), "", ""), "invalid"},
			"mistyped":                 {request(open[:63]+"~", "", ""), "unknown"},
			"prefix alone":             {request("csk_", "", ""), "unknown"},
			"NUL":                      {request("\x00", "", ""), "unknown"},
			"empty":                    {request("", "", ""), "unknown"},
		} {
			_, err := p.Authenticate(ctx, c.request)
			if got := outcome(err); got != c.want {
				t.Errorf("%s: %v, want %s", name, err, c.want)
			}
		}
		password := request(open, "", "")
		password.Credential.Kind = sdk.Password
		if _, err := p.Authenticate(ctx, password); outcome(err) != "unknown" {
			t.Errorf("as a password: %v, want unknown", err)
		}
		if text := log.String(); !strings.Contains(text, "198.51.100.1") || strings.Contains(text, bounded.Reveal()) {
			t.Errorf("the log says:\n%s", text)
		}
	})
}

// forged returns a well-formed key with the id of another.
func forged(key sdk.Secret) sdk.Secret {
	text := []byte(key.Reveal()[:58])
	text[20] ^= 1 // keeps '0' to '9' and letters what they are, but for their ends
	if text[20] == '@' || text[20] == '`' || text[20] == '[' || text[20] == '{' {
		text[20] = 'x'
	}
	return sdk.Secret(string(text) + apikey.Checksum(string(text)))
}

func TestIdentity(t *testing.T) {
	ctx := t.Context()
	url := newDatabase(t, "sqlite")
	keys := openKeys(t, url)
	r, text := create(t, keys, robot())
	p := configured(t, url)
	got, err := p.Authenticate(ctx, request(text, "192.0.2.1", "south"))
	if err != nil {
		t.Fatal(err)
	}
	want := sdk.Identity{
		Subject: "robot-1", Username: "robot", Name: "Export robot", Email: "robot@acme.example", Organisation: "Acme",
		Unit: "south", Units: []string{"north", "south"}, Groups: []string{"robots"}, Roles: []string{"reader"},
		Scopes: []string{"read"}, Audience: []string{"https://api.example"}, Expires: r.Expires,
		Claims: map[string]any{
			"level": int64(9007199254740993), "tags": []any{"a", 0.5}, "api_key_id": r.ID, "api_key_name": "nightly export",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("identity (-want +got):\n%s", diff)
	}

	got.Roles[0], got.Claims["level"] = "changed", "changed"
	if again, _ := p.Authenticate(ctx, request(text, "192.0.2.1", "south")); !cmp.Equal(want, again) {
		t.Error("who changes an identity changes the next one")
	}
	if id, err := p.Lookup(ctx, r.ID); err != nil || id.Subject != "robot-1" || id.Unit != "north" {
		t.Errorf("Lookup by id = %v, %v", id, err)
	}
	if id, err := p.Lookup(ctx, "robot-1"); err != nil || id.Claims["api_key_id"] != r.ID {
		t.Errorf("Lookup by subject = %v, %v", id, err)
	}
	if _, err := p.Lookup(ctx, "nobody"); outcome(err) != "unknown" {
		t.Errorf("Lookup of nobody: %v", err)
	}

	refreshed, err := p.Refresh(ctx, want)
	if diff := cmp.Diff(want, refreshed); err != nil || diff != "" {
		t.Errorf("Refresh: %v (-want +got):\n%s", err, diff)
	}
	stranger := want
	stranger.Subject = "somebody else"
	if _, err := p.Refresh(ctx, stranger); outcome(err) != "unknown" {
		t.Errorf("Refresh of another's key: %v", err)
	}
	if _, err := p.Refresh(ctx, sdk.Identity{Subject: "robot-1"}); outcome(err) != "unknown" {
		t.Errorf("Refresh without a key: %v", err)
	}
	keys.Revoke(ctx, r.ID)
	if _, err := p.Refresh(ctx, want); outcome(err) != "disabled" {
		t.Errorf("Refresh of a revoked key: %v", err)
	}
}

func TestLastUsed(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		keys := openKeys(t, url)
		used, text := create(t, keys, apikey.Record{Owner: apikey.Owner{Subject: "x"}})
		unused, _ := create(t, keys, apikey.Record{Owner: apikey.Owner{Subject: "x"}})
		before := time.Now().Truncate(time.Millisecond)
		for range 2 { // the second within the minute
			p := configured(t, url)
			if _, err := p.Authenticate(t.Context(), request(text, "", "")); err != nil {
				t.Fatal(err)
			}
			p.Close()
			r, err := keys.Get(t.Context(), used.ID)
			if err != nil || r.LastUsed.Before(before) || r.LastUsed.After(time.Now()) {
				t.Errorf("last used %v, %v; it was after %v", r.LastUsed, err, before)
			}
			if !used.LastUsed.IsZero() && !used.LastUsed.Equal(r.LastUsed) {
				t.Errorf("written twice within a minute: %v and %v", used.LastUsed, r.LastUsed)
			}
			used.LastUsed = r.LastUsed
		}
		if r, _ := keys.Get(t.Context(), unused.ID); !r.LastUsed.IsZero() {
			t.Errorf("the other key was used %v", r.LastUsed)
		}
	})
}

func TestDatabaseThatIsGone(t *testing.T) {
	url := newDatabase(t, "sqlite")
	_, text := create(t, openKeys(t, url), apikey.Record{Owner: apikey.Owner{Subject: "x"}})
	p := configured(t, url)
	db, err := sqldb.Open(t.Context(), sqldb.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(t.Context(), "drop table api_keys"); err != nil {
		t.Fatal(err)
	}
	_, err = p.Authenticate(t.Context(), request(text, "", ""))
	if outcome(err) != "unavailable" || strings.Contains(err.Error(), text.Reveal()) {
		t.Errorf("%v, want unavailable", err)
	}
}
