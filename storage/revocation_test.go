package storage_test

import (
	"testing"

	"github.com/claimsmith/claimsmith/storage"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

func TestRevoked(t *testing.T) {
	onEach(t, func(t *testing.T, c sqldb.Config) {
		db := open(t, c)
		must(t, db.CreateSession(ctx, session("ended"), token("e")))
		must(t, db.CreateSession(ctx, session("live"), token("l")))
		must(t, db.EndSession(ctx, issuer, "ended", "logged out", at(1)))
		must(t, db.Revoke(ctx, storage.Revocation{Issuer: issuer, Kind: storage.KindJTI, Value: "j1", Expires: at(5)}))
		must(t, db.Revoke(ctx, storage.Revocation{Issuer: issuer, Kind: storage.KindSession, Value: "s1", Expires: at(5)}))
		for _, test := range []struct {
			issuer, jti, session string
			want                 bool
		}{
			{issuer, "j1", "", true},
			{issuer, "j1", "live", true},
			{issuer, "j2", "s1", true},
			{issuer, "j2", "ended", true},
			{issuer, "j2", "live", false},
			{issuer, "j2", "", false},
			{issuer, "s1", "j1", false},
			{issuer + "/other", "j1", "s1", false},
			{issuer + "/other", "j2", "ended", false},
		} {
			before := db.Statements()
			got, err := db.Revoked(ctx, test.issuer, test.jti, test.session)
			must(t, err)
			if got != test.want {
				t.Errorf("%+v: got %v", test, got)
			}
			equal(t, "statements", db.Statements()-before, 1)
		}
	})
}

func TestLongerRevocationStays(t *testing.T) {
	onEach(t, func(t *testing.T, c sqldb.Config) {
		db := open(t, c)
		r := storage.Revocation{Issuer: issuer, Kind: storage.KindJTI, Value: "j"}
		for _, minutes := range []int{5, 9, 3} {
			r.Expires = at(minutes)
			must(t, db.Revoke(ctx, r))
		}
		for _, test := range []struct {
			minutes int
			pruned  int64
			revoked bool
		}{{8, 0, true}, {10, 1, false}} {
			n, err := db.PruneRevocations(ctx, at(test.minutes), 100)
			must(t, err)
			equal(t, "pruned", n, test.pruned)
			revoked, err := db.Revoked(ctx, issuer, "j", "")
			must(t, err)
			equal(t, "revoked", revoked, test.revoked)
		}
	})
}
