package ldap_test

import (
	"context"
	"sync"
	"testing"
	"time"

	goldap "github.com/go-ldap/ldap/v3"
)

// floor is the work that no login can do without, as a common library does it: one
// search and one bind, on connections that are held.
type floor struct {
	search, bind *goldap.Conn
	base         string
}

func newFloor(b *testing.B, url, suffix string) *floor {
	b.Helper()
	f := &floor{base: "ou=people," + suffix}
	for _, c := range []**goldap.Conn{&f.search, &f.bind} {
		conn, err := goldap.DialURL(url)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { conn.Close() })
		*c = conn
	}
	if err := f.search.Bind("cn=reader,"+suffix, "reads-people"); err != nil {
		b.Fatal(err)
	}
	return f
}

func (f *floor) login(b *testing.B) {
	r, err := f.search.Search(goldap.NewSearchRequest(f.base, goldap.ScopeWholeSubtree, goldap.NeverDerefAliases, 2, 5, false,
		"(&(objectClass=person)(uid=alice))", []string{"entryUUID", "uid", "cn", "mail"}, nil))
	if err != nil || len(r.Entries) != 1 {
		b.Error(err)
	}
	if err := f.bind.Bind(r.Entries[0].DN, "wonderland"); err != nil {
		b.Error(err)
	}
}

// BenchmarkLogin reports how near a login comes to the floor: the floor's
// time divided by the login's, both taken in turns.
func BenchmarkLogin(b *testing.B) {
	l := acme(b)
	p := configured(b, forAcme(l, nil))
	f := newFloor(b, l.URL, l.Suffix)
	login := func() {
		if _, err := p.Authenticate(b.Context(), password("alice", "wonderland")); err != nil {
			b.Error(err)
		}
	}
	var floors, logins time.Duration
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		f.login(b)
		middle := time.Now()
		login()
		floors += middle.Sub(start)
		logins += time.Since(middle)
	}
	b.ReportMetric(float64(floors)/float64(logins), "of-floor")
}

// BenchmarkLogins is the same with 16 callers, in turns of 64 logins each.
func BenchmarkLogins(b *testing.B) {
	l := acme(b)
	p := configured(b, forAcme(l, nil))
	const callers = 16
	held := make([]*floor, callers)
	for i := range held {
		held[i] = newFloor(b, l.URL, l.Suffix)
	}
	turn := func(login func(caller int)) time.Duration {
		start := time.Now()
		var all sync.WaitGroup
		for i := range callers {
			all.Go(func() {
				for range 64 {
					login(i)
				}
			})
		}
		all.Wait()
		return time.Since(start)
	}
	var floors, logins time.Duration
	for b.Loop() {
		floors += turn(func(i int) { held[i].login(b) })
		ctx, cancel := context.WithTimeout(b.Context(), 5*time.Second) // as every call of the host's has one
		logins += turn(func(int) {
			if _, err := p.Authenticate(ctx, password("alice", "wonderland")); err != nil {
				b.Error(err)
			}
		})
		cancel()
	}
	b.ReportMetric(float64(floors)/float64(logins), "of-floor")
}
