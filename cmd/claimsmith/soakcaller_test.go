package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/claimsmith/claimsmith/server/oauth"
)

// caller asks for one thing again and again. Its refresh token is its own.
type caller struct {
	*soak
	name    string
	step    func(c *caller) (good bool)
	begun   atomic.Int64 // steps
	last    atomic.Int64 // the last step that was good
	refresh string
	asked   int // how often with that refresh token
}

// addCallers adds some for each way in and each question.
func (s *soak) addCallers() {
	for _, kind := range []struct {
		name string
		n    int
		step func(*caller) bool
	}{
		{"refresher", 6, (*caller).rotates},
		{"person", 2, (*caller).logsIn},
		{"key", 3, (*caller).revokes},
		{"machine", 2, (*caller).machine},
		{"dialect", 1, (*caller).dialect},
		{"guesser", 2, (*caller).guesses},
		{"service", 3, (*caller).looks},
	} {
		for i := range kind.n {
			s.callers = append(s.callers, &caller{soak: s, name: kind.name + " " + strconv.Itoa(i), step: kind.step})
		}
	}
}

// run goes on until done, or until too much was wrong.
func (c *caller) run(done <-chan struct{}) {
	for pause := time.Millisecond; c.wrongs.Load() < 20; {
		select {
		case <-done:
			return
		case <-time.After(rand.N(pause)):
		}
		c.rest.RLock()
		begun := c.begun.Add(1)
		if pause = 200 * time.Millisecond; c.step(c) {
			pause = c.pause
			c.last.Store(begun)
		}
		c.rest.RUnlock()
	}
}

// wrong reports an answer that must not be.
func (c *caller) wrong(what string, h heard) bool {
	if c.wrongs.Add(1) < 20 {
		c.Errorf("%s: %s, %s: %s: %s", time.Now().Format(time.StampMilli), c.name, h.replica, what, h)
	}
	return false
}

// heard is an answer.
type heard struct {
	replica string
	status  int
	header  http.Header
	body    string
	reply
	dialect struct {
		Token string `json:"token"`
	}
	took time.Duration
}

func (h heard) String() string {
	return fmt.Sprintf("%d after %s, %v, %.300s", h.status, h.took, h.header, h.body)
}

func (h heard) is(status int, code string) bool { return h.status == status && h.Error == code }

// unavailable reports whether the answer is a good refusal: to be asked again.
func (h heard) unavailable() bool {
	return h.is(http.StatusServiceUnavailable, "temporarily_unavailable") && h.header.Get("Retry-After") != ""
}

// post sends a form to one of the replicas.
func (c *caller) post(path string, parameters ...string) heard {
	form := url.Values{}
	for _, parameter := range parameters {
		name, value, _ := strings.Cut(parameter, "=")
		form.Add(name, value)
	}
	return c.send(http.MethodPost, path, form.Encode(), func(h http.Header) {
		h.Set("Content-Type", "application/x-www-form-urlencoded")
		if !form.Has("client_id") {
			h.Set("Authorization", basicOf("portal", c.secrets.client))
		}
	})
}

func basicOf(user, password string) string {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(user, password)
	return r.Header.Get("Authorization")
}

// send asks a replica, and the other one where the first is killed meanwhile.
func (c *caller) send(method, path, body string, head func(http.Header)) heard {
	c.soak.asked.Add(1)
	dead, kills := c.dead.Load(), c.kills.Load()
	first, second := c.urls[0], c.urls[1]
	mortal := rand.IntN(2) == 0
	if mortal {
		first, second = second, first
	}
	h, err := c.try(method, first, path, body, head)
	if err != nil && mortal && (dead || c.dead.Load() || c.kills.Load() != kills) {
		c.failedOver.Add(1)
		h, err = c.try(method, second, path, body, head)
	}
	switch {
	case err != nil:
		c.wrong("no answer: "+err.Error(), h)
	case h.status == http.StatusServiceUnavailable:
		c.refused.Add(1)
	default:
		c.good.Add(1)
	}
	return h
}

func (c *caller) try(method, to, path, body string, head func(http.Header)) (heard, error) {
	h := heard{replica: to}
	r, err := http.NewRequestWithContext(c.Context(), method, to+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return h, err
	}
	head(r.Header)
	began := time.Now()
	resp, err := c.client.Do(r)
	h.took = time.Since(began)
	if err != nil {
		return h, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	h.status, h.header, h.body = resp.StatusCode, resp.Header, string(text)
	if err != nil {
		return h, err
	}
	if err := errors.Join(json.Unmarshal(text, &h.reply), json.Unmarshal(text, &h.dialect)); err != nil {
		return h, fmt.Errorf("%.100s: %w", text, err)
	}
	return h, nil
}

// shelf holds tokens of the last minutes.
type shelf struct {
	mu     sync.Mutex
	tokens []shelved
}

type shelved struct {
	token string
	since time.Time
}

func newShelf() *shelf { return new(shelf) }

const (
	shelfRoom = 500
	shelfLife = 8 * time.Minute // an access token lives longer
)

func (s *shelf) put(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.tokens) < shelfRoom {
		s.tokens = append(s.tokens, shelved{token, time.Now()})
		return
	}
	s.tokens[rand.IntN(shelfRoom)] = shelved{token, time.Now()}
}

// any returns a token, "" for none.
func (s *shelf) any() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.tokens) == 0 {
		return ""
	}
	t := s.tokens[rand.IntN(len(s.tokens))]
	if time.Since(t.since) > shelfLife {
		return ""
	}
	return t.token
}

// right verifies an access token as a service does.
func (c *caller) right(h heard, subject string) bool {
	if h.header.Get("Cache-Control") != "no-store" {
		return c.wrong("may be cached", h)
	}
	token, err := c.verifier.Verify(c.Context(), h.AccessToken)
	switch {
	case err != nil:
		return c.wrong("a token that does not verify: "+err.Error(), h)
	case token.ClientID != "portal" || subject != "" && token.Subject != subject || token.Subject == "":
		return c.wrong("a token for "+token.Subject+" and "+token.ClientID, h)
	}
	return true
}

const apiKeyGrant = "grant_type=" + oauth.GrantAPIKey
