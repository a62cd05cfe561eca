package host_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/plugins/host"
	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// A plugin that waits in vain for something of its own is not waited for by
// everybody, and is back with its first answer.
func TestBreakerSparesTheWait(t *testing.T) {
	c := config(t, "")
	c.CallTimeout = 200 * time.Millisecond
	p := ready(t, c)
	for range 5 {
		if _, err := p.Authenticate(t.Context(), login("wait")); !errors.Is(err, sdk.ErrUnavailable) {
			t.Fatal(err)
		}
	}
	if !p.Status().Breaker {
		t.Error("five slow failures leave the breaker closed")
	}
	eventually(t, "an answer", func() bool {
		_, err := p.Authenticate(t.Context(), login("alice"))
		e, unavailable := errors.AsType[*sdk.UnavailableError](err)
		if err != nil && (!unavailable || e.RetryAfter == 0) {
			t.Fatal(err)
		}
		return err == nil
	})
	s := p.CallStats()
	if s.Outcomes[host.Refused] == 0 || s.Outcomes[host.OK] != 1 {
		t.Errorf("outcomes: %v", s.Outcomes)
	}
	if p.Status().Breaker {
		t.Error("an answer leaves the breaker open")
	}
}

// A fresh process is not held to what the one before it did.
func TestBreakerIsOfOneProcess(t *testing.T) {
	c := config(t, "")
	c.CallTimeout = 200 * time.Millisecond
	p := ready(t, c)
	for range 5 {
		_, _ = p.Authenticate(t.Context(), login("wait"))
	}
	if !p.Status().Breaker {
		t.Fatal("the breaker is closed")
	}
	if err := p.Upgrade(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if p.Status().Breaker {
		t.Error("an upgrade leaves the breaker open")
	}
}

// Whoever finds a credential that makes a plugin fail shuts out nobody.
func TestQuickFailuresLeaveTheBreakerClosed(t *testing.T) {
	p := ready(t, config(t, ""))
	for range 50 {
		if _, err := p.Authenticate(t.Context(), login("panic")); !errors.Is(err, sdk.ErrUnavailable) {
			t.Fatal(err)
		}
	}
	if _, err := p.Authenticate(t.Context(), login("alice")); err != nil {
		t.Error(err)
	}
}

func TestCallsAreCounted(t *testing.T) {
	c := config(t, "")
	c.CallTimeout = time.Second
	p, err := host.New(c)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = p.Authenticate(t.Context(), login("alice")) // nothing runs
	p = ready(t, c)
	wrong := login("alice")
	wrong.Credential.Secret = "guess"
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, call := range []struct {
		ctx context.Context
		sdk.Request
	}{
		{t.Context(), login("alice")}, {t.Context(), wrong}, {t.Context(), login("nobody")},
		{t.Context(), login("panic")}, {t.Context(), login("hang")}, {cancelled, login("alice")},
	} {
		_, _ = p.Authenticate(call.ctx, call.Request)
	}
	s := p.CallStats()
	for _, o := range []host.Outcome{host.OK, host.Denied, host.Unknown, host.Unavailable, host.TimedOut, host.Cancelled} {
		if s.Outcomes[o] != 1 {
			t.Errorf("%s: %d", o, s.Outcomes[o])
		}
	}
	if s.Count != 6 || s.Outcomes[host.Refused] != 0 || s.Seconds <= 0 {
		t.Errorf("%+v", s)
	}
	if half, most := s.Quantile(.5), s.Quantile(1); half > most || most == 0 {
		t.Errorf("median %v, longest %v", half, most)
	}
}

func TestQuantile(t *testing.T) {
	var s host.CallStats
	for i, bound := range host.Bounds {
		if bound >= 1 {
			s.Buckets[i] = 99
		}
	}
	s.Count = 100
	if got := s.Quantile(.5); got < 500*time.Millisecond || got > time.Second {
		t.Errorf("median %v of calls between half a second and one", got)
	}
	if got := s.Quantile(1); got != 10*time.Second {
		t.Errorf("longest %v, want the last bound: more is not known", got)
	}
}
