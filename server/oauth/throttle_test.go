package oauth_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server/audit"
	"github.com/claimsmith/claimsmith/server/authn"
	"github.com/claimsmith/claimsmith/server/oauth"
	"github.com/claimsmith/claimsmith/storage"
)

// noStore is a throttle's store that is down.
type noStore struct{}

func (noStore) CountFailures(context.Context, time.Time, []authn.Count) (map[string]int, error) {
	return nil, errors.ErrUnsupported
}
func (noStore) ForgetFailures(context.Context, []string) error { return errors.ErrUnsupported }
func (noStore) RememberKnown(context.Context, time.Time, []string) error {
	return errors.ErrUnsupported
}
func (noStore) Known(context.Context, string, time.Time) (bool, error) {
	return false, errors.ErrUnsupported
}

func (i *issuer) guess(t *testing.T, e *audit.Event, secret, form string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(audit.NewContext(t.Context(), e), http.MethodPost, "/oauth2/token", strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("portal", secret)
	w := httptest.NewRecorder()
	i.mux.ServeHTTP(w, r)
	return w
}

// throttled returns an issuer whose throttle is one for people and clients.
func throttled(t *testing.T, change ...func(*oauth.Config)) *issuer {
	throttle := authn.NewThrottle(authn.Limits{}, noStore{}, []byte("secret"))
	return newIssuer(t, append(change, func(c *oauth.Config) {
		c.Throttle = throttle.Secrets(c.Name)
		c.Chain = struct {
			sdk.Authenticator
			sdk.Refresher
		}{throttle.Around(c.Name, c.Chain), c.Chain}
	})...)
}

func TestGuessesAreThrottled(t *testing.T) {
	i := throttled(t)
	const form = "grant_type=password&username=alice&password=wrong"
	for n := range 3 {
		if w := i.guess(t, &audit.Event{Remote: netip.MustParseAddr("192.0.2.1")}, "portal-secret", form); w.Code != http.StatusBadRequest {
			t.Fatalf("failure %d: %d %s", n+1, w.Code, w.Body)
		}
	}
	for name, form := range map[string]string{"wrong": form, "right": "grant_type=password&username=ALICE&password=wonderland"} {
		e := audit.Event{Remote: netip.MustParseAddr("192.0.2.1")}
		w := i.guess(t, &e, "portal-secret", form)
		got := []string{http.StatusText(w.Code), w.Header().Get("Retry-After"), w.Header().Get("Cache-Control"), w.Body.String(), string(e.Outcome), e.Username}
		want := []string{"Too Many Requests", "225", "no-store", `{"error":"slow_down","error_description":"too many attempts have failed; try again later"}`, "throttled", ""}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("a %s password after three failures (-want +got):\n%s", name, diff)
		}
	}
}

func TestGuessesAtAClientAreThrottled(t *testing.T) {
	i := throttled(t)
	const form = "grant_type=client_credentials"
	if w := i.guess(t, &audit.Event{Remote: netip.MustParseAddr("192.0.2.1")}, "portal-secret", form); w.Code != http.StatusOK {
		t.Fatal(w.Body)
	}
	codes := map[int]int{}
	for range 60 {
		codes[i.guess(t, &audit.Event{Remote: netip.MustParseAddr("192.0.2.9")}, "guess", form).Code]++
	}
	if diff := cmp.Diff(map[int]int{http.StatusUnauthorized: 40, http.StatusTooManyRequests: 20}, codes); diff != "" {
		t.Errorf("answers to 60 guesses (-want +got):\n%s", diff)
	}
	if w := i.guess(t, &audit.Event{Remote: netip.MustParseAddr("192.0.2.1")}, "portal-secret", form); w.Code != http.StatusOK {
		t.Errorf("the client itself: %s", w.Body)
	}
}

// clientsDown is Clients that cannot be asked at times.
type clientsDown struct {
	oauth.Clients
	now bool
}

func (c *clientsDown) Client(ctx context.Context, issuer, id string) (*storage.Client, error) {
	if c.now {
		return nil, storage.ErrUnavailable
	}
	return c.Clients.Client(ctx, issuer, id)
}

// A guess that nobody could judge is neither wrong nor right.
func TestAnOutageForgivesNoGuesses(t *testing.T) {
	clients := new(clientsDown)
	i := throttled(t, func(c *oauth.Config) {
		clients.Clients = c.Clients
		c.Clients = clients
	})
	codes := map[int]int{}
	for n := range 80 {
		clients.now = n%2 > 0
		codes[i.guess(t, &audit.Event{Remote: netip.MustParseAddr("192.0.2.9")}, "guess", "grant_type=client_credentials").Code]++
	}
	if w := codes[http.StatusUnauthorized]; w != 40 || codes[http.StatusServiceUnavailable] != 39 {
		t.Errorf("answers to 80 guesses, every other in an outage: %v, want 40 of 401 and 39 of 503", codes)
	}
	clients.now = false
	if w := i.guess(t, &audit.Event{Remote: netip.MustParseAddr("192.0.2.9")}, "guess", "grant_type=client_credentials"); w.Code != http.StatusTooManyRequests {
		t.Errorf("guess 41: %d %s", w.Code, w.Body)
	}
}
