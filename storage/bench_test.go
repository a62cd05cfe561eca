package storage_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/claimsmith/claimsmith/internal/servertest"
	"github.com/claimsmith/claimsmith/storage"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

func benchEach(b *testing.B, bench func(b *testing.B, db *storage.DB)) {
	b.Run("SQLite", func(b *testing.B) { bench(b, open(b, sqliteConfig(b))) })
	b.Run("PostgreSQL", func(b *testing.B) { bench(b, open(b, sqldb.Config{URL: servertest.PostgreSQL(b)})) })
}

func BenchmarkCachedClient(b *testing.B) {
	benchEach(b, func(b *testing.B, db *storage.DB) {
		must(b, db.CreateClient(ctx, client("a")))
		cache := storage.NewClientCache(db)
		ctx := b.Context()
		b.ReportAllocs()
		for b.Loop() {
			if _, err := cache.Client(ctx, issuer, "a"); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkRefreshToken(b *testing.B) {
	benchEach(b, func(b *testing.B, db *storage.DB) {
		must(b, db.CreateSession(ctx, session("a"), token("t")))
		ctx := b.Context()
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := db.RefreshToken(ctx, issuer, token("t").Hash); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkRotateRefreshToken(b *testing.B) {
	benchEach(b, func(b *testing.B, db *storage.DB) {
		b.ReportAllocs()
		rotate(b, db, "a", func() bool { return b.Loop() })
	})
}

// Each caller has a session of its own.
func BenchmarkRotateRefreshTokensParallel(b *testing.B) {
	var sessions atomic.Int64
	benchEach(b, func(b *testing.B, db *storage.DB) {
		must(b, errors.Join(parallel(16, func(int) error { return db.Ping(ctx) })...)) // opens the connections
		b.SetParallelism(8)
		b.ReportAllocs()
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) { rotate(b, db, fmt.Sprint("s", sessions.Add(1)), pb.Next) })
	})
}

func rotate(b *testing.B, db *storage.DB, id string, more func() bool) {
	s, old := session(id), token(id)
	if err := db.CreateSession(ctx, s, old); err != nil {
		b.Error(err)
		return
	}
	ctx := b.Context() // which can end, as a request's can
	for i := 0; more(); i++ {
		next := token(fmt.Sprint(id, ".", i))
		if err := db.RotateRefreshToken(ctx, issuer, old.Hash, next, s, at(1)); err != nil {
			b.Error(err)
			return
		}
		old = next
	}
}

func BenchmarkRevoked(b *testing.B) {
	benchEach(b, func(b *testing.B, db *storage.DB) {
		must(b, db.CreateSession(ctx, session("a"), token("t")))
		for i := range 1000 {
			must(b, db.Revoke(ctx, storage.Revocation{Issuer: issuer, Kind: storage.KindJTI, Value: fmt.Sprint(i), Expires: at(1)}))
		}
		ctx := b.Context()
		b.ReportAllocs()
		for b.Loop() {
			if revoked, err := db.Revoked(ctx, issuer, "unknown", "a"); err != nil || revoked {
				b.Fatal(revoked, err)
			}
		}
	})
}
