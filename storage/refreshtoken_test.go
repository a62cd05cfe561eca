package storage_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/internal/servertest"
	"github.com/claimsmith/claimsmith/storage"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

func token(name string) storage.RefreshToken {
	return storage.RefreshToken{Hash: "hash of " + name, Created: at(0), Expires: at(30)}
}

func TestRotation(t *testing.T) {
	onEach(t, func(t *testing.T, c sqldb.Config) {
		db := open(t, c)
		must(t, db.CreateSession(ctx, session("a"), token("first")))

		now := session("a")
		now.Identity, now.Scopes, now.Audience = json.RawMessage(`{"subject":"alice","groups":["new"]}`), []string{"read"}, nil
		now.Expires = at(90)
		must(t, db.RotateRefreshToken(ctx, issuer, token("first").Hash, token("second"), now, at(5)))

		first, got, err := db.RefreshToken(ctx, issuer, token("first").Hash)
		must(t, err)
		want := token("first")
		want.SessionID, want.Used, want.Successor = "a", at(5), token("second").Hash
		equal(t, "first token", first, want)
		equal(t, "session", got, now)

		second, _, err := db.RefreshToken(ctx, issuer, first.Successor)
		must(t, err)
		want = token("second")
		want.SessionID = "a"
		equal(t, "second token", second, want)

		_, _, err = db.RefreshToken(ctx, issuer+"/other", token("second").Hash)
		wantError(t, "at another issuer", err, storage.ErrNotFound)
	})
}

func TestRotationThatMayNotBeChangesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, c sqldb.Config) {
		db := open(t, c)
		must(t, db.CreateSession(ctx, session("a"), token("a")))
		must(t, db.CreateSession(ctx, session("b"), token("b")))
		rotate := func(old, next, session_ string) error {
			return db.RotateRefreshToken(ctx, issuer, token(old).Hash, token(next), session(session_), at(1))
		}
		wantError(t, "an unknown token", rotate("x", "y", "a"), storage.ErrConflict)
		wantError(t, "another session's token", rotate("b", "y", "a"), storage.ErrConflict)
		wantError(t, "an unknown session", rotate("a", "y", "x"), storage.ErrConflict)
		wantError(t, "a successor that is another session's", rotate("a", "b", "a"), storage.ErrConflict)
		must(t, db.EndSession(ctx, issuer, "b", "logged out", at(0)))
		wantError(t, "a session that has ended", rotate("b", "y", "b"), storage.ErrConflict)

		got, _, err := db.RefreshToken(ctx, issuer, token("a").Hash)
		must(t, err)
		want := token("a")
		want.SessionID = "a"
		equal(t, "token", got, want)
		_, _, err = db.RefreshToken(ctx, issuer, token("y").Hash)
		wantError(t, "the successor", err, storage.ErrNotFound)

		must(t, rotate("a", "y", "a"))
		wantError(t, "a token that was used", rotate("a", "z", "a"), storage.ErrConflict)
	})
}

// Callers who race with one token derive the same successor from it. One stores it,
// and all find it.
func TestSixteenRotateOneToken(t *testing.T) {
	onEach(t, func(t *testing.T, c sqldb.Config) { rotateOneToken(t, c) })
	t.Run("PostgreSQL serializable", func(t *testing.T) { rotateOneToken(t, serializable(t)) })
}

func rotateOneToken(t *testing.T, c sqldb.Config) {
	handles := []*storage.DB{open(t, c), open(t, c)}
	must(t, handles[0].CreateSession(ctx, session("a"), token("0")))
	for round := range 4 {
		old, next := token(fmt.Sprint(round)), token(fmt.Sprint(round+1))
		won := 0
		for _, err := range parallel(16, func(i int) error {
			db := handles[i%len(handles)]
			err := db.RotateRefreshToken(ctx, issuer, old.Hash, next, session("a"), at(round))
			if err != nil && !errors.Is(err, storage.ErrConflict) {
				t.Errorf("rotate: %v", err)
			}
			if used, _, err := db.RefreshToken(ctx, issuer, old.Hash); err != nil || used.Successor != next.Hash {
				t.Errorf("afterwards the token is %+v, %v", used, err)
			}
			return err
		}) {
			if err == nil {
				won++
			}
		}
		equal(t, "winners", won, 1)
		if got, _, err := handles[0].RefreshToken(ctx, issuer, next.Hash); err != nil || !got.Used.IsZero() {
			t.Errorf("the successor is %+v, %v, want it unused", got, err)
		}
	}
}

func TestManySessionsRotateAtOnce(t *testing.T) {
	run := func(t *testing.T, c sqldb.Config) {
		db := open(t, c)
		must(t, errors.Join(parallel(64, func(i int) error {
			id := fmt.Sprint("s", i)
			if err := db.CreateSession(ctx, session(id), token(id+".0")); err != nil {
				return err
			}
			for n := range 3 {
				old, next := token(fmt.Sprint(id, ".", n)), token(fmt.Sprint(id, ".", n+1))
				if err := db.RotateRefreshToken(ctx, issuer, old.Hash, next, session(id), at(n)); err != nil {
					return err
				}
			}
			return nil
		})...))
	}
	onEach(t, run)
	t.Run("PostgreSQL serializable", func(t *testing.T) { run(t, serializable(t)) })
}

// serializable is a database that undoes transactions which clash, instead of letting
// one wait for the other.
func serializable(t *testing.T) sqldb.Config {
	t.Helper()
	c := sqldb.Config{URL: servertest.PostgreSQL(t)}
	db, err := sqldb.Open(ctx, c)
	must(t, err)
	defer db.Close()
	name, _, _ := strings.Cut(c.URL[strings.LastIndex(c.URL, "/")+1:], "?")
	_, err = db.Exec(ctx, "alter database "+name+" set default_transaction_isolation = 'serializable'")
	must(t, err)
	return c
}

// The rule holds whatever a program does.
func TestDatabaseRefusesSecondLiveToken(t *testing.T) {
	onEach(t, func(t *testing.T, c sqldb.Config) {
		must(t, open(t, c).CreateSession(ctx, session("a"), token("t")))
		db, err := sqldb.Open(ctx, c)
		must(t, err)
		defer db.Close()
		_, err = db.Exec(ctx, `
			insert into refresh_tokens (hash, issuer, session_id, created, expires, used, successor)
			values ('another', ?, 'a', 1, 2, 0, '')`, issuer)
		wantError(t, "insert", err, sqldb.ErrExists)
	})
}
