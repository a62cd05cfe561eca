package load

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Answer is what a token endpoint answers.
type Answer struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
}

// Token asks a token endpoint once.
func Token(ctx context.Context, address, user, password string, form url.Values) (a Answer, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return a, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", basic(user, password))
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return a, fmt.Errorf("ask for a token: %s", resp.Status)
	}
	return a, json.NewDecoder(resp.Body).Decode(&a)
}

// RefreshTokens logs in n times and returns the refresh tokens, to follow.
func RefreshTokens(ctx context.Context, t Target, n int, username, password string) ([]string, error) {
	form := url.Values{"grant_type": {"password"}, "username": {username}, "password": {password}, "scope": {"read offline_access"}}
	tokens := make([]string, n)
	for i := range tokens {
		a, err := Token(ctx, t.URL, t.User, t.Password, form)
		if err != nil {
			return nil, err
		}
		tokens[i] = a.RefreshToken
	}
	return tokens, nil
}
