package oauth

import (
	"net/netip"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// The values of grant_type that this server knows.
const (
	GrantPassword          = "password"
	GrantAPIKey            = "urn:claimsmith:params:oauth:grant-type:api-key"
	GrantClientCredentials = "client_credentials"
	GrantRefreshToken      = "refresh_token"
)

// Grants are all of them.
var Grants = []string{GrantPassword, GrantAPIKey, GrantClientCredentials, GrantRefreshToken}

// ScopeOfflineAccess is the scope that asks for a refresh token.
const ScopeOfflineAccess = "offline_access"

// ClientMethod says how a client authenticates (RFC 8414,
// token_endpoint_auth_methods_supported).
type ClientMethod string

// The ways to authenticate a client.
const (
	ClientNone        ClientMethod = "none" // a public client
	ClientSecretBasic ClientMethod = "client_secret_basic"
	ClientSecretPost  ClientMethod = "client_secret_post"
	// ClientTrusted is a request that the server itself makes for a client: a
	// dialect's. It never comes from a form.
	ClientTrusted ClientMethod = "trusted"
)

// Request is a token request, whatever spelling it came in.
type Request struct {
	Grant  string
	Client struct {
		ID     string
		Method ClientMethod
		Secret sdk.Secret
	}

	Credential   sdk.Credential    // for GrantPassword and GrantAPIKey
	Attributes   map[string]string // organisation, unit … for the plugins
	RefreshToken sdk.Secret        // for GrantRefreshToken

	Scopes   []string // what is asked for; nil asks for the default
	Audience []string // RFC 8707 resource, or audience; nil asks for the default

	Remote netip.Addr
}
