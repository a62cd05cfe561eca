package oauth

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/ory/fosite"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server/audit"
	"github.com/claimsmith/claimsmith/storage"
)

// Token is what Exchange issues.
type Token struct {
	Access  string // the signed access token
	Refresh string // "" where none is issued
	Type    string // issued_token_type of a token exchange; else ""

	ID       string // the access token's jti
	Session  string // its sid
	Scopes   []string
	Audience []string
	Issued   time.Time
	Expires  time.Time // of the access token
	Identity sdk.Identity
}

// Exchange is the token endpoint without HTTP: it authenticates the client,
// lets the grant prove an identity, and issues. Every error is an *Error. It
// writes what it learns into the event of ctx.
func (p *Provider) Exchange(ctx context.Context, q Request) (Token, error) {
	event := audit.FromContext(ctx)
	if !slices.Contains(p.grants, q.Grant) {
		return Token{}, unsupportedGrant()
	}
	event.Grant = q.Grant
	client, err := p.authenticateClient(ctx, q.Client)
	if err != nil {
		return Token{}, err
	}
	event.Client = client.ID
	x := &exchange{request: q, client: client, now: time.Now().Truncate(time.Millisecond)}
	if err := p.run(ctx, x); err != nil {
		return Token{}, asError(err)
	}
	event.Subject, event.Session, event.TokenID = x.identity.Subject, x.sessionID, x.token.ID
	return x.token, nil
}

// run hands the exchange to fosite, which finds the grant for it.
func (p *Provider) run(ctx context.Context, x *exchange) error {
	form := url.Values{"grant_type": {x.request.Grant}}
	r := (&http.Request{Method: http.MethodPost, Form: form, PostForm: form, Header: http.Header{}, URL: &url.URL{}}).WithContext(ctx)
	access, err := p.fosite.NewAccessRequest(ctx, r, x)
	if err != nil {
		return err
	}
	_, err = p.fosite.NewAccessResponse(ctx, access)
	return err
}

// exchange is one run of the token endpoint. fosite carries it as its session.
type exchange struct {
	request Request
	client  *storage.Client
	now     time.Time

	identity  sdk.Identity
	sessionID string
	scopes    []string
	audience  []string
	spent     *storage.RefreshToken      // the refresh token that is being traded in
	session   storage.Session            // its session
	actor     json.RawMessage            // who acts for the identity; nil for nobody
	carried   map[string]json.RawMessage // the custom claims of an access token that is traded in; nil: they are shaped

	token Token
}

// The methods of fosite.Session. Lifetimes are ours, so it learns none.
func (x *exchange) SetExpiresAt(fosite.TokenType, time.Time)      {}
func (x *exchange) GetExpiresAt(fosite.TokenType) (end time.Time) { return end }
func (x *exchange) GetUsername() string                           { return x.identity.Username }
func (x *exchange) GetSubject() string                            { return x.identity.Subject }
func (x *exchange) Clone() fosite.Session                         { return x }
