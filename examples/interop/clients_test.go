package interop_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// endpoint is the server's, which a style of client authentication asks.
func (s *server) endpoint(style oauth2.AuthStyle) oauth2.Endpoint {
	return oauth2.Endpoint{TokenURL: s.Issuer + "/oauth2/token", AuthStyle: style}
}

var styles = map[string]oauth2.AuthStyle{
	"auto": oauth2.AuthStyleAutoDetect, "basic": oauth2.AuthStyleInHeader, "post": oauth2.AuthStyleInParams,
}

// counting counts requests, to see that a library needs no second try.
type counting struct{ requests int }

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.requests++
	return http.DefaultTransport.RoundTrip(r)
}

func TestXOAuth2(t *testing.T) {
	s := start(t)
	for name, style := range styles {
		t.Run(name, func(t *testing.T) {
			transport := new(counting)
			ctx := context.WithValue(t.Context(), oauth2.HTTPClient, &http.Client{Transport: transport})
			config := &oauth2.Config{ClientID: s.ClientID, ClientSecret: s.Secret, Endpoint: s.endpoint(style), Scopes: []string{"read", "offline_access"}}

			token, err := config.PasswordCredentialsToken(ctx, s.User, s.Password)
			if err != nil {
				t.Fatal(err)
			}
			if !token.Valid() || token.Type() != "Bearer" || token.RefreshToken == "" || token.Extra("scope") != "read offline_access" {
				t.Errorf("password: %+v", token)
			}

			token.Expiry = token.Expiry.AddDate(-1, 0, 0)
			renewed, err := config.TokenSource(ctx, token).Token()
			if err != nil {
				t.Fatal(err)
			}
			if !renewed.Valid() || renewed.AccessToken == token.AccessToken || renewed.RefreshToken == token.RefreshToken {
				t.Error("refresh: the tokens are the old ones")
			}

			own := &clientcredentials.Config{
				ClientID: s.ClientID, ClientSecret: s.Secret, TokenURL: config.Endpoint.TokenURL, AuthStyle: style, Scopes: []string{"write"},
			}
			if token, err := own.Token(ctx); err != nil || !token.Valid() || token.RefreshToken != "" {
				t.Errorf("client credentials: %+v, %v", token, err)
			}
			if transport.requests != 3 {
				t.Errorf("%d requests, want one for each token", transport.requests)
			}
		})
	}
}

// A refusal reaches the caller as what it is.
func TestXOAuth2ReadsRefusals(t *testing.T) {
	s := start(t)
	config := &oauth2.Config{ClientID: s.ClientID, ClientSecret: s.Secret, Endpoint: s.endpoint(oauth2.AuthStyleInHeader)}
	_, err := config.PasswordCredentialsToken(t.Context(), "nobody", "wrong")
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok || refused.ErrorCode != "invalid_grant" || refused.ErrorDescription == "" || refused.Response.StatusCode != http.StatusBadRequest {
		t.Errorf("error %v", err)
	}
}

// Token exchange, as far as golang.org/x/oauth2 can: it lets the caller name the grant.
func TestXOAuth2Exchanges(t *testing.T) {
	s := start(t)
	login := &oauth2.Config{ClientID: s.ClientID, ClientSecret: s.Secret, Endpoint: s.endpoint(0), Scopes: []string{"read"}}
	subject, err := login.PasswordCredentialsToken(t.Context(), s.User, s.Password)
	if err != nil {
		t.Fatal(err)
	}
	trade := &clientcredentials.Config{
		ClientID: gatewayClient, ClientSecret: s.GatewaySecret, TokenURL: login.Endpoint.TokenURL,
		EndpointParams: url.Values{
			"grant_type":    {"urn:ietf:params:oauth:grant-type:token-exchange"},
			"subject_token": {subject.AccessToken}, "subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"},
			"audience": {ordersAudience},
		},
	}
	token, err := trade.Token(t.Context())
	if err != nil || token.Extra("issued_token_type") != "urn:ietf:params:oauth:token-type:access_token" {
		t.Errorf("token %+v, %v", token, err)
	}
}

func TestGoOIDC(t *testing.T) {
	s := start(t)
	ctx := t.Context()
	provider, err := oidc.NewProvider(ctx, s.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	config := &oauth2.Config{ClientID: s.ClientID, ClientSecret: s.Secret, Endpoint: provider.Endpoint(), Scopes: []string{"read", "offline_access"}}
	token, err := config.PasswordCredentialsToken(ctx, s.User, s.Password)
	if err != nil {
		t.Fatal(err)
	}

	verified, err := provider.Verifier(&oidc.Config{ClientID: s.Issuer}).Verify(ctx, token.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	var claims struct{ Scope string }
	if err := verified.Claims(&claims); err != nil || verified.Issuer != s.Issuer || !strings.Contains(claims.Scope, "read") {
		t.Errorf("claims of %+v: %+v, %v", verified, claims, err)
	}
	if _, err := provider.Verifier(&oidc.Config{ClientID: ordersAudience}).Verify(ctx, token.AccessToken); err == nil {
		t.Error("a token for one audience verifies for another")
	}

	info, err := provider.UserInfo(ctx, config.TokenSource(ctx, token))
	if err != nil || info.Subject != verified.Subject || info.Email != "alice@example.com" {
		t.Errorf("userinfo %+v, %v", info, err)
	}
}
