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
	GrantTokenExchange     = "urn:ietf:params:oauth:grant-type:token-exchange" // RFC 8693
	GrantJWTBearer         = "urn:ietf:params:oauth:grant-type:jwt-bearer"     // RFC 7523 section 2.1
)

// Grants are all of them.
var Grants = []string{GrantPassword, GrantAPIKey, GrantClientCredentials, GrantRefreshToken, GrantTokenExchange, GrantJWTBearer}

// ScopeOfflineAccess is the scope that asks for a refresh token.
const ScopeOfflineAccess = "offline_access"

// Request is a token request, whatever spelling it came in.
type Request struct {
	Grant  string
	Client ClientCredential

	Credential   sdk.Credential    // for GrantPassword and GrantAPIKey, and for GrantTokenExchange of an API key
	Attributes   map[string]string // organisation, unit … for the plugins
	RefreshToken sdk.Secret        // for GrantRefreshToken
	Subject      sdk.Secret        // for GrantTokenExchange: the access token that is traded in; "" for an API key
	Actor        sdk.Secret        // for GrantTokenExchange: the access token of who acts for the subject; "" for nobody
	Assertion    sdk.Secret        // for GrantJWTBearer

	Scopes   []string // what is asked for; nil asks for the default
	Audience []string // RFC 8707 resource, or audience; nil asks for the default

	Remote netip.Addr

	Format Format // makes the access token; nil: an RFC 9068 JWT. A dialect's.
}
