package database_test

import (
	"testing"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// BenchmarkLogin shows what a login costs besides its hash: plaintext is next to
// no work, argon2id the default's.
func BenchmarkLogin(b *testing.B) {
	for _, kind := range []string{"sqlite", "postgres", "mariadb"} {
		url := newDatabase(b, kind)
		execute(b, url, `create table p (login varchar(50) primary key, pw varchar(200))`, `insert into p values ('alice', 'wonderland')`)
		p := configured(b, map[string]any{
			"url": url, "allow": []string{"plaintext"},
			"query": `select login as subject, pw as password from p where login = :username`,
		})
		b.Run("query-plaintext/"+kind, func(b *testing.B) { benchmark(b, p, login("alice", "wonderland")) })
	}
	for _, kind := range []string{"sqlite", "postgres"} {
		url := newDatabase(b, kind)
		if _, err := openUsers(b, url).Add(b.Context(), alice(), "wonderland"); err != nil {
			b.Fatal(err)
		}
		user := alice()
		user.Username, user.Email = "quick", "" // the cheapest hash that the table takes
		if _, err := openUsers(b, url).AddHashed(b.Context(), user, "{SSHA}Kee62iIAPlHtNdR/2KZqlRIWouwtRNFm"); err != nil {
			b.Fatal(err)
		}
		p := configured(b, map[string]any{"url": url})
		b.Run("users-ssha/"+kind, func(b *testing.B) { benchmark(b, p, login("quick", "correct horse")) })
		b.Run("users-argon2id/"+kind, func(b *testing.B) { benchmark(b, p, login("alice", "wonderland")) })
		b.Run("users-argon2id-wrong/"+kind, func(b *testing.B) { refuse(b, p, login("alice", "wrong")) })
		b.Run("users-argon2id-unknown/"+kind, func(b *testing.B) { refuse(b, p, login("nobody", "wrong")) })
	}
}

func benchmark(b *testing.B, p sdk.Authenticator, r sdk.Request) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Authenticate(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}

func refuse(b *testing.B, p sdk.Authenticator, r sdk.Request) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Authenticate(b.Context(), r); err == nil {
			b.Fatal("let in")
		}
	}
}
