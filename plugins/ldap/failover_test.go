package ldap_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/claimsmith/claimsmith/internal/servertest"
	"github.com/claimsmith/claimsmith/plugins/ldap"
	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// mark gives alice a name that tells which server was asked.
func mark(t *testing.T, l *servertest.LDAP, name string) {
	t.Helper()
	m := goldap.NewModifyRequest("uid=alice,ou=people,"+l.Suffix, nil)
	m.Replace("cn", []string{name})
	if err := asRoot(t, l).Modify(m); err != nil {
		t.Fatal(err)
	}
}

// until logs in until alice's name is as wanted. Meanwhile nothing but an
// identity or unavailability may come.
func until(t *testing.T, p *ldap.Plugin, name string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		id, err := p.Authenticate(t.Context(), password("alice", "wonderland"))
		if err == nil && id.Name == name {
			return
		}
		if err != nil && !errors.Is(err, sdk.ErrUnavailable) || time.Now().After(deadline) {
			t.Fatalf("waited for %s; the last login is %s as %q (%v)", name, outcome(err), id.Name, err)
		}
	}
}

func TestSecondServerStandsInForTheFirst(t *testing.T) {
	first, second := acme(t), acme(t)
	mark(t, first, "first")
	mark(t, second, "second")
	p := configured(t, forAcme(first, config{"urls": []string{first.URL, second.URL}}))
	until(t, p, "first")

	first.Stop()
	if id, err := p.Authenticate(t.Context(), password("alice", "wonderland")); err != nil || id.Name != "second" {
		t.Errorf("the login right after is %s as %q, want an identity from the second (%v)", outcome(err), id.Name, err)
	}
	if _, err := p.Authenticate(t.Context(), password("alice", "x")); outcome(err) != "denied: invalid" {
		t.Errorf("a wrong password is %s at the second", outcome(err))
	}
	first.Start()
	until(t, p, "first")

	first.Stop()
	second.Stop()
	_, err := p.Authenticate(t.Context(), password("alice", "wonderland"))
	if outcome(err) != "unavailable" {
		t.Errorf("a login with no server is %s", outcome(err))
	}
	_, err = p.Authenticate(t.Context(), password("alice", "wonderland"))
	if e, ok := errors.AsType[*sdk.UnavailableError](err); !ok || e.RetryAfter <= 0 {
		t.Errorf("the next one does not say when to try again: %v", err)
	}
	second.Start()
	until(t, p, "second")
}

func TestSecondServerStandsInForOneThatHangs(t *testing.T) {
	first, second := acme(t), acme(t)
	mark(t, first, "first")
	mark(t, second, "second")
	p := configured(t, forAcme(first, config{"urls": []string{first.URL, second.URL}, "timeout": "300ms", "connect_timeout": "300ms"}))
	until(t, p, "first")
	first.Freeze()
	if id, err := p.Authenticate(t.Context(), password("alice", "wonderland")); err != nil || id.Name != "second" {
		t.Errorf("the login is %s as %q, want an identity from the second (%v)", outcome(err), id.Name, err)
	}
	first.Thaw()
	until(t, p, "first")
}

func TestDeadlineOfCallerBoundsEachStep(t *testing.T) {
	l := acme(t)
	for name, c := range map[string]config{
		"plain": nil, "StartTLS": {"start_tls": true, "ca": l.CA}, "LDAPS": {"urls": []string{l.TLSURL}, "ca": l.CA},
	} {
		t.Run(name, func(t *testing.T) {
			c := forAcme(l, c)
			c["timeout"], c["connect_timeout"] = "1m", "1m"
			warm, cold := configured(t, c), ldap.New()
			defer cold.Close()
			l.Freeze()
			defer l.Thaw()
			for _, p := range []*ldap.Plugin{warm, cold} {
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				if p == cold {
					configureWithin(t, ctx, p, c)
				}
				_, err := p.Authenticate(ctx, password("alice", "wonderland"))
				cancel()
				if !errors.Is(err, sdk.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("login is %s (%v), want unavailable for the deadline", outcome(err), err)
				}
			}
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(20*time.Millisecond, cancel)
			if _, err := warm.Authenticate(ctx, password("alice", "wonderland")); !errors.Is(err, context.Canceled) {
				t.Errorf("a cancelled login is %v", err)
			}
		})
	}
}

// More callers than connections wait for each other, and no longer than they may.
func TestCallersShareOneConnection(t *testing.T) {
	l := acme(t)
	p := configured(t, forAcme(l, config{"connections": 1, "groups": config{"filter": "(member={dn})", "base": l.Suffix}}))
	var callers sync.WaitGroup
	for range 64 {
		callers.Go(func() {
			if _, err := p.Authenticate(t.Context(), password("alice", "wonderland")); err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait()
	l.Freeze()
	defer l.Thaw()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	for range 8 {
		callers.Go(func() {
			if _, err := p.Authenticate(ctx, password("alice", "wonderland")); !errors.Is(err, sdk.ErrUnavailable) {
				t.Errorf("login is %s, want unavailable", outcome(err))
			}
		})
	}
	callers.Wait()
}

// While the server is stopped and started, 32 callers get the right answer or
// none: nobody is let in wrongly, nobody is refused wrongly.
func TestRestartUnderLoadGivesNoWrongAnswer(t *testing.T) {
	l := acme(t)
	p := configured(t, forAcme(l, nil))
	logins := []struct{ username, password, want string }{
		{"alice", "wonderland", "identity"}, {"bob", "builder", "identity"}, {"nobody", "x", "unknown"}, {"nopassword", "x", "denied: invalid"},
	}
	ctx, stop := context.WithCancel(t.Context())
	var callers sync.WaitGroup
	var right, unavailable atomic.Int64
	for i := range 32 {
		callers.Go(func() {
			for n := i; ctx.Err() == nil; n++ {
				login := logins[n%len(logins)]
				id, err := p.Authenticate(t.Context(), password(login.username, login.password))
				switch got := outcome(err); {
				case got == login.want && (err != nil || id.Username == login.username):
					right.Add(1)
				case got == "unavailable":
					unavailable.Add(1)
					if e, ok := errors.AsType[*sdk.UnavailableError](err); ok {
						time.Sleep(e.RetryAfter) // as it was told
					}
				default:
					t.Errorf("%s is %s as %q, want %s", login.username, got, id.Username, login.want)
				}
			}
		})
	}
	for range 5 {
		l.Stop()
		l.Start()
		before := right.Load()
		for deadline := time.Now().Add(20 * time.Second); right.Load() < before+100; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("logins did not recover")
			}
		}
	}
	stop()
	callers.Wait()
	t.Logf("%d right answers, %d unavailable", right.Load(), unavailable.Load())
}
