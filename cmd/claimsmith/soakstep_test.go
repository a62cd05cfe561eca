package main

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// login gets a token, and "" where it is to be asked for again.
func (c *caller) login(parameters ...string) (heard, bool) {
	h := c.post("/oauth2/token", parameters...)
	switch {
	case h.unavailable():
		return h, false
	case h.status != http.StatusOK:
		return h, c.wrong("a good credential is refused", h)
	}
	return h, c.right(h, "")
}

func (c *caller) logsIn() bool {
	h, ok := c.login("grant_type=password", "username=alice", "password="+c.secrets.password, "scope=read")
	if ok {
		c.live.put(h.AccessToken)
	}
	return ok
}

func (c *caller) machine() bool {
	h := c.post("/oauth2/token", "grant_type=client_credentials")
	if h.status != http.StatusOK {
		return !h.unavailable() && c.wrong("a client's own token", h)
	}
	return c.right(h, "portal")
}

// rotates trades its refresh token in. Whatever was answered before, the token that it
// holds is good until it has heard of the next. Now and then it asks twice.
func (c *caller) rotates() bool {
	if c.refresh == "" {
		h, ok := c.login("grant_type=password", "username=alice", "password="+c.secrets.password, "scope=read offline_access")
		if ok {
			c.refresh, c.asked = h.RefreshToken, 0
		}
		return ok
	}
	c.asked++
	h := c.post("/oauth2/token", "grant_type=refresh_token", "refresh_token="+c.refresh)
	switch {
	case h.unavailable():
		return false
	case h.status != http.StatusOK:
		c.wrong("a session is lost, at the "+strconv.Itoa(c.asked)+". time of asking", h)
		c.refresh = ""
		return false
	}
	if c.asked == 1 && h.took < time.Second && rand.IntN(4) == 0 {
		again := c.post("/oauth2/token", "grant_type=refresh_token", "refresh_token="+c.refresh)
		if again.status == http.StatusOK && again.RefreshToken != h.RefreshToken || again.status != http.StatusOK && !again.unavailable() {
			c.wrong("another answer to the same refresh token", again)
		}
	}
	c.refresh, c.asked = h.RefreshToken, 0
	return c.right(h, "")
}

// revokes logs in, looks at its tokens, and ends them.
func (c *caller) revokes() bool {
	h, ok := c.login(apiKeyGrant, "api_key="+c.secrets.key, "scope=read offline_access")
	if !ok {
		return false
	}
	c.seen("its own token", h.AccessToken, true)
	info := c.send(http.MethodGet, "/userinfo", "", func(to http.Header) { to.Set("Authorization", "Bearer "+h.AccessToken) })
	if info.status != http.StatusOK && !info.unavailable() {
		c.wrong("userinfo refuses a good token", info)
	}
	ended := []string{h.AccessToken}
	if rand.IntN(2) == 0 {
		ended = []string{h.RefreshToken, h.AccessToken}
	}
	for began := time.Now(); ; {
		r := c.post("/oauth2/revoke", "token="+ended[0])
		if r.status == http.StatusOK {
			break
		}
		if !r.unavailable() || time.Since(began) > patience {
			return c.wrong("a token cannot be revoked", r)
		}
		time.Sleep(rand.N(200 * time.Millisecond))
	}
	for _, token := range ended {
		c.revoked.put(token)
		c.seen("a revoked token", token, false)
	}
	r := c.post("/oauth2/token", "grant_type=refresh_token", "refresh_token="+h.RefreshToken)
	switch {
	case r.unavailable():
	case len(ended) == 2 && !r.is(http.StatusBadRequest, "invalid_grant"), len(ended) == 1 && r.status != http.StatusOK:
		return c.wrong("refresh after "+strconv.Itoa(len(ended))+" revocations", r)
	}
	return true
}

// seen asks whether a token is active. The answer may be that it cannot be told.
func (c *caller) seen(what, token string, active bool) bool {
	h := c.post("/oauth2/introspect", "token="+token)
	want := `{"active":false}`
	switch {
	case h.unavailable():
		return false
	case h.status != http.StatusOK, active == (h.body == want):
		return c.wrong("introspection of "+what, h)
	}
	return true
}

// dialect logs in as a vendor's client does, and out of the same key ring.
func (c *caller) dialect() bool {
	body := `{"username":"alice","password":"` + c.secrets.password + `"}`
	asJSON := func(h http.Header) { h.Set("Content-Type", "application/json") }
	h := c.send(http.MethodPost, "/createjwt", body, asJSON)
	if h.status == http.StatusServiceUnavailable && h.header.Get("Retry-After") != "" {
		return false
	}
	if h.status != http.StatusOK || h.dialect.Token == "" {
		return c.wrong("a good login by a dialect is refused", h)
	}
	return c.seen("a dialect's token", h.dialect.Token, true)
}

// guesses offers what is wrong.
func (c *caller) guesses() bool {
	tries := []struct {
		code       string
		parameters []string
	}{
		{"invalid_grant", []string{"grant_type=password", "username=mallory", "password=guess " + strconv.Itoa(rand.Int())}},
		{"invalid_grant", []string{"grant_type=password", "username=nobody" + strconv.Itoa(rand.IntN(1000)), "password=guess"}},
		{"invalid_grant", []string{apiKeyGrant, "api_key=csk_" + strconv.Itoa(rand.Int())}},
		{"invalid_grant", []string{"grant_type=refresh_token", "refresh_token=crt_" + strconv.Itoa(rand.Int())}},
		{"invalid_client", []string{"grant_type=client_credentials", "client_id=portal", "client_secret=guess"}},
	}
	try := tries[rand.IntN(len(tries))]
	h := c.post("/oauth2/token", try.parameters...)
	if h.unavailable() {
		return false
	}
	slow := h.is(http.StatusTooManyRequests, "slow_down") && h.header.Get("Retry-After") != "" // of those who guess at one person one waits for the other
	return slow || h.Error == try.code || c.wrong("a guess", h)
}

// looks is a service that asks about tokens of others, and for keys.
func (c *caller) looks() bool {
	keys := c.send(http.MethodGet, "/.well-known/jwks.json", "", func(http.Header) {})
	if keys.status != http.StatusOK || len(keys.body) < 100 {
		return c.wrong("the key set", keys)
	}
	if live := c.live.any(); live != "" && !c.seen("a live token", live, true) {
		return false
	}
	if revoked := c.revoked.any(); revoked != "" {
		return c.seen("a token that was revoked before", revoked, false)
	}
	return true
}
