package oauth_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/claimsmith/claimsmith/server/oauth"
	"github.com/claimsmith/claimsmith/storage"
)

// wire answers requests for a key set without a network; "" is a lost answer.
type wire struct{ answer string }

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(*http.Request) (*http.Response, error) {
	if w.answer == "" {
		return nil, errors.New("connection refused")
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(w.answer))}, nil
}

// A key that is not in the last set that was read may be in the one that cannot be.
func TestAKeyThatCannotBeFetchedIsNotWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := newParty(t, "one"), newParty(t, "two")
		w := &wire{first.jwks(t)}
		i := newIssuer(t, func(c *oauth.Config) { c.HTTP = &http.Client{Transport: w} })
		newRobot(t, i, storage.ClientPolicy{JWKSURL: "https://robot.example.com/jwks.json"})
		asks := func(p *party) string { return i.as(t, p.sign(t, assertion("robot", "robot", nil))) }
		if got := asks(first); got != "" {
			t.Fatalf("the first key: %q", got)
		}
		w.answer = ""
		time.Sleep(time.Minute)
		for range 2 { // the second does not even ask
			if got := asks(second); got != "temporarily_unavailable" {
				t.Errorf("the second key, while the set cannot be fetched: %q", got)
			}
		}
		if got := asks(first); got != "" {
			t.Errorf("the first key, while the set cannot be fetched: %q", got)
		}
		w.answer = second.jwks(t)
		time.Sleep(time.Minute)
		if got := asks(second); got != "" {
			t.Errorf("the second key: %q", got)
		}
		if got := asks(first); got != "invalid_client" {
			t.Errorf("the first key, which is no longer in the set: %q", got)
		}
	})
}
