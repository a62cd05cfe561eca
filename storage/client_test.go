package storage_test

import (
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/storage"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

func client(id string) storage.Client {
	return storage.Client{
		Issuer: issuer, ID: id, Name: "Portal of Ünit \"7\"",
		Secrets:             []storage.SecretHash{{Hash: "sha256:abc", Created: at(0)}, {Hash: "sha256:def", Created: at(0), Expires: at(9)}},
		Grants:              []string{"password", "refresh_token"},
		Scopes:              []string{"read", "write"},
		Audience:            []string{"https://api.example"},
		AccessTokenLifetime: 90 * time.Second,
		Claims:              "org: ${identity.org}\n",
		ClientPolicy: storage.ClientPolicy{
			JWKS: `{"keys":[]}`, JWKSURL: "https://portal.example/jwks.json",
			Exchange: []string{"https://other.example"}, IntrospectAny: true, Origins: []string{"https://portal.example"},
			RefreshIdle: time.Hour, RefreshAbsolute: 24 * time.Hour, RefreshOutage: 10 * time.Minute,
		},
		Created: at(0), Updated: at(1),
	}
}

func TestClientComesBackAsItWasStored(t *testing.T) {
	onEach(t, func(t *testing.T, c sqldb.Config) {
		db := open(t, c)
		full, bare := client("full"), storage.Client{Issuer: issuer, ID: "bare", Disabled: true}
		must(t, db.CreateClient(ctx, full))
		must(t, db.CreateClient(ctx, bare))
		for _, want := range []storage.Client{full, bare} {
			got, err := db.Client(ctx, issuer, want.ID)
			must(t, err)
			equal(t, "client", got, want)
		}

		full.Name, full.Secrets, full.Updated, full.Disabled = "other", nil, at(5), true
		must(t, db.UpdateClient(ctx, full))
		all, err := db.Clients(ctx, issuer)
		must(t, err)
		equal(t, "clients", all, []storage.Client{bare, full})
	})
}

func TestClientOfOneIssuerIsUnknownToOthers(t *testing.T) {
	onEach(t, func(t *testing.T, c sqldb.Config) {
		db := open(t, c)
		must(t, db.CreateClient(ctx, client("a")))
		_, err := db.Client(ctx, issuer+"/other", "a")
		wantError(t, "read", err, storage.ErrNotFound)
		wantError(t, "delete", db.DeleteClient(ctx, issuer+"/other", "a"), storage.ErrNotFound)
		other := client("a")
		other.Issuer += "/other"
		wantError(t, "update", db.UpdateClient(ctx, other), storage.ErrNotFound)
		must(t, db.CreateClient(ctx, other))
		wantError(t, "create again", db.CreateClient(ctx, other), storage.ErrExists)
	})
}

func TestDeletedClientTakesItsSessionsAlong(t *testing.T) {
	onEach(t, func(t *testing.T, c sqldb.Config) {
		db := open(t, c)
		must(t, db.CreateClient(ctx, client("a")))
		mine, others := session("mine"), session("others")
		mine.ClientID, others.ClientID = "a", "b"
		must(t, db.CreateSession(ctx, mine, token("m")))
		must(t, db.CreateSession(ctx, others, token("o")))
		must(t, db.DeleteClient(ctx, issuer, "a"))
		wantError(t, "delete again", db.DeleteClient(ctx, issuer, "a"), storage.ErrNotFound)
		for id, want := range map[string]bool{"mine": true, "others": false} {
			s, err := db.Session(ctx, issuer, id)
			must(t, err)
			if got := !s.Ended.IsZero(); got != want {
				t.Errorf("session %s has ended: %v, want %v", id, got, want)
			}
		}
	})
}

// What stands for SQL, for a pattern or for nothing that can be stored finds nothing
// and changes nothing.
func TestOddNames(t *testing.T) {
	onEach(t, func(t *testing.T, c sqldb.Config) {
		db := open(t, c)
		must(t, db.CreateClient(ctx, client("a")))
		for _, odd := range []string{"", "' or '1'='1", "a'; drop table clients; --", "a%", "_", "A", "a ", "?", "$1", "\x00", "a\x00", "\xff", "\xc3(", "a\xed\xa0\x80"} {
			_, err := db.Client(ctx, issuer, odd)
			wantError(t, "read client "+odd, err, storage.ErrNotFound)
			_, err = db.Session(ctx, issuer, odd)
			wantError(t, "read session "+odd, err, storage.ErrNotFound)
			_, _, err = db.RefreshToken(ctx, issuer, odd)
			wantError(t, "read refresh token "+odd, err, storage.ErrNotFound)
			wantError(t, "delete client "+odd, db.DeleteClient(ctx, issuer, odd), storage.ErrNotFound)
			wantError(t, "end session "+odd, db.EndSession(ctx, issuer, odd, "test", at(0)), storage.ErrNotFound)
			revoked, err := db.Revoked(ctx, issuer, odd, odd)
			must(t, err)
			equal(t, "revoked "+odd, revoked, false)
			sessions, err := db.Sessions(ctx, storage.SessionFilter{Issuer: issuer, Subject: odd + "'"})
			must(t, err)
			equal(t, "sessions "+odd, len(sessions), 0)
		}
		for _, bad := range []string{"a\x00", "\xff"} {
			wantError(t, "create", db.CreateClient(ctx, client(bad)), storage.ErrInvalid)
			s := session("s")
			s.Subject = bad
			wantError(t, "create session", db.CreateSession(ctx, s, token("t")), storage.ErrInvalid)
		}
		for _, odd := range []string{"' or '1'='1", "a'; drop table clients; --", "%", "?", "$1", "ключ", "a ", "A"} {
			must(t, db.CreateClient(ctx, client(odd)))
			got, err := db.Client(ctx, issuer, odd)
			must(t, err)
			equal(t, "client", got, client(odd))
		}
	})
}
