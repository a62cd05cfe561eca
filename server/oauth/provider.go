package oauth

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ory/fosite"

	"github.com/claimsmith/claimsmith/jwks"
	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server/audit"
	"github.com/claimsmith/claimsmith/storage"
)

// Clients finds the clients of an issuer. An id that is not there is
// storage.ErrNotFound. The value is shared: nobody writes to it.
type Clients interface {
	Client(ctx context.Context, issuer, id string) (*storage.Client, error)
	// Scopes returns what any client may ask for, for the metadata.
	Scopes(ctx context.Context, issuer string) ([]string, error)
}

// Sessions keeps sessions and their refresh tokens.
type Sessions interface {
	CreateSession(ctx context.Context, s storage.Session, t storage.RefreshToken) error
	RefreshToken(ctx context.Context, issuer, hash string) (storage.RefreshToken, storage.Session, error)
	RotateRefreshToken(ctx context.Context, issuer, hash string, next storage.RefreshToken, s storage.Session, now time.Time) error
	EndSession(ctx context.Context, issuer, id, reason string, now time.Time) error
	Session(ctx context.Context, issuer, id string) (storage.Session, error)
}

// Revocations keeps which access tokens are not valid although they have not
// expired. Every replica asks the same one.
type Revocations interface {
	Revoke(ctx context.Context, r storage.Revocation) error
	Revoked(ctx context.Context, issuer, jti, session string) (bool, error)
}

// Assertions remembers which assertions were used: a second use is
// storage.ErrExists.
type Assertions interface {
	UseAssertion(ctx context.Context, issuer, hash string, expires time.Time) error
}

// Signer signs access tokens; the ring of jwks is one.
type Signer interface {
	Sign(ctx context.Context, algorithm, typ string, claims []byte) (string, error)
}

// Verifier checks the signatures of tokens that the issuer has signed; the ring
// of jwks is one.
type Verifier interface {
	Verify(ctx context.Context, token string) (jwks.Verified, error)
	Holds(ctx context.Context, v jwks.Verified) bool // whether a token that verified does still
	Reload(ctx context.Context) error
}

// Chain judges credentials, and says later whether an identity still holds.
type Chain interface {
	sdk.Authenticator
	sdk.Refresher
}

// Config is what one issuer is made of. Durations are positive.
type Config struct {
	Name     string   // the issuer's name in storage; its URL may change, the name does not
	Issuer   string   // the issuer URL, without a slash at its end
	Audience []string // what tokens may be for where the client says nothing; the first is the default; none: the issuer

	AccessTokenLifetime time.Duration // unless the client has its own
	LongestLifetime     time.Duration // of any access token: its key is published no longer
	RefreshIdle         time.Duration // a refresh token that is not used for so long ends
	RefreshAbsolute     time.Duration // a session ends so long after its login
	RefreshGrace        time.Duration // a replay of a refresh token within it gets the same successor
	RefreshKey          []byte        // derives successors; 32 secret bytes, the same on every replica

	Claims *Claims // the custom claims of every token; nil for none

	TrustedIssuers []TrustedIssuer // whose assertions GrantJWTBearer takes
	Algorithms     []string        // that Signer signs with, its default first, as metadata tells them
	TokenFinders   []TokenFinder   // of tokens in other spellings; may be nil

	Clients     Clients
	Sessions    Sessions
	Revocations Revocations
	Assertions  Assertions
	Throttle    Throttle // before the secrets of clients; nil for none
	Chain       Chain    // nil where no plugin judges credentials: there are no grants for these then
	Signer      Signer
	Verifier    Verifier
	JWKS        http.Handler
	HTTP        *http.Client // fetches the key sets of clients and trusted issuers; nil: a plain one
}

// Provider is the OAuth side of one issuer. It is safe for concurrent use.
type Provider struct {
	Config
	fosite   fosite.Fosite
	claims   claimsCache
	grants   []string
	gate     *gate
	outages  *outages // Sessions, watched
	keySets  *keySets
	document http.Handler // the metadata
	known    *knownTokens
	finders  []TokenFinder // of all spellings
}

// New returns the Provider of an issuer.
func New(c Config) *Provider {
	if len(c.Audience) == 0 {
		c.Audience = []string{c.Issuer}
	}
	watched := &outages{Sessions: c.Sessions, grace: c.RefreshGrace}
	c.Sessions = watched
	p := &Provider{Config: c, outages: watched, grants: c.grants(), gate: newGate(), keySets: newKeySets(c.HTTP), known: newKnownTokens()}
	p.fosite.Config = &fosite.Config{
		ClientAuthenticationStrategy: clientOfExchange,
		TokenEndpointHandlers: fosite.TokenEndpointHandlers{
			&grant{p, GrantPassword, p.proveCredential},
			&grant{p, GrantAPIKey, p.proveCredential},
			&grant{p, GrantClientCredentials, p.proveClient},
			&grant{p, GrantRefreshToken, p.proveRefreshToken},
			&grant{p, GrantTokenExchange, p.proveSubject},
			&grant{p, GrantJWTBearer, p.proveAssertion},
		},
	}
	p.document = &metadataPage{p: p}
	p.finders = append([]TokenFinder{p.findRefreshToken, p.findAccessToken}, c.TokenFinders...)
	return p
}

// grants are the grant types that the issuer serves.
func (c *Config) grants() []string {
	return slices.DeleteFunc(slices.Clone(Grants), func(name string) bool {
		switch name {
		case GrantPassword, GrantAPIKey:
			return c.Chain == nil
		case GrantJWTBearer:
			return len(c.TrustedIssuers) == 0
		}
		return false
	})
}

// Mount puts the issuer's endpoints under its path on mux.
func (p *Provider) Mount(mux *http.ServeMux) {
	path := p.path()
	mux.Handle(path+"/oauth2/token", p.named("token", crossOrigin("POST", http.HandlerFunc(p.serveToken))))
	mux.Handle(path+"/oauth2/introspect", p.named("introspect", http.HandlerFunc(p.serveIntrospect)))
	mux.Handle(path+"/oauth2/revoke", p.named("revoke", crossOrigin("POST", http.HandlerFunc(p.serveRevoke))))
	mux.Handle(path+"/userinfo", p.named("userinfo", crossOrigin("GET, POST", http.HandlerFunc(p.serveUserinfo))))
	mux.Handle(path+"/.well-known/jwks.json", p.named("jwks", p.JWKS))
	metadata := p.named("metadata", p.document)
	mux.Handle("/.well-known/oauth-authorization-server"+path, metadata) // RFC 8414 section 3.1
	mux.Handle(path+"/.well-known/openid-configuration", metadata)       // OpenID Connect Discovery section 4
}

// Publish hands page the key set and the metadata, which everybody may read.
func (p *Provider) Publish(page func(path, issuer, route string, h http.Handler)) {
	path := p.path()
	if strings.Contains(path, "%") {
		return // Mount's are found by what is escaped
	}
	page(path+"/.well-known/jwks.json", p.Name, "jwks", p.JWKS)
	page("/.well-known/oauth-authorization-server"+path, p.Name, "metadata", p.document)
	page(path+"/.well-known/openid-configuration", p.Name, "metadata", p.document)
}

// named tells the event which route of which issuer next is.
func (p *Provider) named(route string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		event := audit.FromContext(r.Context())
		event.Route, event.Issuer = route, p.Name
		next.ServeHTTP(w, r)
	})
}

// path is the path of the issuer URL, "" for none.
func (p *Provider) path() string {
	u, err := url.Parse(p.Issuer)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(u.EscapedPath(), "/")
}
