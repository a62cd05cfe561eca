package storage_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/storage"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

func session(id string) storage.Session {
	return storage.Session{
		Issuer: issuer, ID: id, ClientID: "portal", Subject: "alice", Username: "alice@example", Plugin: "directory",
		Identity: json.RawMessage(`{"subject":"alice","name":"Älice"}`),
		Scopes:   []string{"read", "offline_access"}, Audience: []string{"https://api.example"},
		Created: at(0), Expires: at(60), Confirmed: at(0),
	}
}

func TestSessionComesBackAsItWasStored(t *testing.T) {
	onEach(t, func(t *testing.T, c sqldb.Config) {
		db := open(t, c)
		want := session("a")
		must(t, db.CreateSession(ctx, want, token("t")))
		got, err := db.Session(ctx, issuer, "a")
		must(t, err)
		equal(t, "session", got, want)

		wantError(t, "create again", db.CreateSession(ctx, want, token("other")), storage.ErrExists)
		_, _, err = db.RefreshToken(ctx, issuer, token("other").Hash)
		wantError(t, "token of the session that was not created", err, storage.ErrNotFound)
		wantError(t, "create with a token that exists", db.CreateSession(ctx, session("b"), token("t")), storage.ErrExists)
		_, err = db.Session(ctx, issuer, "b")
		wantError(t, "session of the token that was not created", err, storage.ErrNotFound)
	})
}

func TestSessionEndsOnce(t *testing.T) {
	onEach(t, func(t *testing.T, c sqldb.Config) {
		db := open(t, c)
		must(t, db.CreateSession(ctx, session("a"), token("t")))
		must(t, db.EndSession(ctx, issuer, "a", "logged out", at(3)))
		must(t, db.EndSession(ctx, issuer, "a", "reused", at(4)))
		want := session("a")
		want.Ended, want.EndReason = at(3), "logged out"
		_, got, err := db.RefreshToken(ctx, issuer, token("t").Hash)
		must(t, err)
		equal(t, "session", got, want)
		wantError(t, "another issuer's", db.EndSession(ctx, issuer+"/other", "a", "", at(4)), storage.ErrNotFound)
	})
}

func TestSessionsAreFoundByFilter(t *testing.T) {
	onEach(t, func(t *testing.T, c sqldb.Config) {
		db := open(t, c)
		for i, change := range []func(*storage.Session){
			func(*storage.Session) {},
			func(s *storage.Session) { s.Subject, s.Username = "bob", "bob@example" },
			func(s *storage.Session) { s.ClientID = "other" },
			func(s *storage.Session) { s.Expires = time.Unix(1, 0) },
			func(s *storage.Session) { s.Issuer += "/other" },
		} {
			s := session(fmt.Sprint(i))
			s.Created = at(i)
			change(&s)
			must(t, db.CreateSession(ctx, s, token(s.ID)))
		}
		find := func(f storage.SessionFilter) (ids string) {
			t.Helper()
			f.Issuer = issuer
			sessions, err := db.Sessions(ctx, f)
			must(t, err)
			for _, s := range sessions {
				ids += s.ID
			}
			return ids
		}
		equal(t, "all", find(storage.SessionFilter{}), "3210")
		equal(t, "latest", find(storage.SessionFilter{Limit: 2}), "32")
		equal(t, "of a client", find(storage.SessionFilter{ClientID: "portal"}), "310")
		equal(t, "of a person", find(storage.SessionFilter{Subject: "bob"}), "1")
		equal(t, "of a person by user name", find(storage.SessionFilter{Person: "bob@example"}), "1")
		equal(t, "of a person by either", find(storage.SessionFilter{Person: "bob"}), "1")
		equal(t, "of both", find(storage.SessionFilter{ClientID: "other", Subject: "alice"}), "2")
		equal(t, "live", find(storage.SessionFilter{Live: true}), "210")

		n, err := db.EndSessions(ctx, storage.SessionFilter{Issuer: issuer, Subject: "alice"}, "left the company", at(9))
		must(t, err)
		equal(t, "ended", n, 3)
		equal(t, "live then", find(storage.SessionFilter{Live: true}), "1")
	})
}

func TestPruneRemovesWhatHasExpired(t *testing.T) {
	onEach(t, func(t *testing.T, c sqldb.Config) {
		db := open(t, c)
		for i := range 5 {
			s := session(fmt.Sprint(i))
			s.Expires = at(i)
			must(t, db.CreateSession(ctx, s, token(s.ID)))
		}
		live := session("live")
		live.Expires = at(100_000)
		must(t, db.CreateSession(ctx, live, token("first")))
		must(t, db.RotateRefreshToken(ctx, issuer, token("first").Hash, token("second"), live, at(1)))

		now := at(4).Add(24 * time.Hour) // of the five, one has not been expired for a day
		for _, want := range []int64{4, 1, 0} {
			n, err := db.PruneSessions(ctx, now, 3)
			must(t, err)
			equal(t, "pruned", n, want)
		}
		for id, want := range map[string]error{"3": storage.ErrNotFound, "4": nil, "first": storage.ErrNotFound, "second": nil} {
			_, _, err := db.RefreshToken(ctx, issuer, token(id).Hash)
			wantError(t, "token "+id, err, want)
		}
	})
}
