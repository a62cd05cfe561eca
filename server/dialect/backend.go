package dialect

import (
	"context"
	"encoding/json"
	"net/netip"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// Backend is the issuer behind an API. Errors that are no *Refusal are Internal.
type Backend interface {
	// Login proves a credential and has f encode the token. It returns the
	// refresh token, "" where none is issued.
	Login(ctx context.Context, l Login, f Format) (refresh string, err error)
	Refresher
	Tokens
}

// Refresher keeps the refresh tokens of dialects that have any.
type Refresher interface {
	// Refresh trades a refresh token for its successor and has f encode a token.
	Refresh(ctx context.Context, refresh sdk.Secret, f Format) (successor string, err error)
	// StartRefresh returns the first refresh token of the session that t is of.
	StartRefresh(ctx context.Context, t *Token) (refresh string, err error)
	// EndRefresh ends the session of a refresh token.
	EndRefresh(ctx context.Context, refresh sdk.Secret) error
}

// Tokens knows what became of tokens after they were issued.
type Tokens interface {
	// Identity returns who t stands for, as the plugin tells it now.
	Identity(ctx context.Context, t *Token) (sdk.Identity, error)
	// Revoked reports whether t, or its session, was ended.
	Revoked(ctx context.Context, t *Token) (bool, error)
	// Revoke ends t, and what else is of its session.
	Revoke(ctx context.Context, t *Token) error
}

// Login is a credential and who it is meant to prove.
type Login struct {
	Credential sdk.Credential
	Attributes map[string]string // organisation, unit, device and the dialect's own fields
	Remote     netip.Addr
	Refresh    bool // a refresh token is wanted, if the client may have one
}

// Format is how the token of one login is made.
type Format struct {
	Lifetime time.Duration // 0: the client's
	// Encode makes the token of a draft that is complete but for Text. It sets
	// ID, Session and Identity.Unit as the dialect has them. An error that is a
	// *Refusal is the answer.
	Encode func(ctx context.Context, d *Draft) error
}

// Draft is a token about to be issued.
type Draft struct {
	ClientID, ClientName string
	ID, Session          string
	Renewed              bool // Session exists already
	Scopes, Audience     []string
	Issued, Expires      time.Time
	Identity             sdk.Identity

	Text string // the token
}

// Keys sign and verify with the issuer's published key pairs.
type Keys interface {
	Sign(ctx context.Context, algorithm, typ string, claims []byte) (string, error)
	// Verify returns what a token says that one of the keys signed, by its own
	// algorithm.
	Verify(ctx context.Context, token string) (header, payload json.RawMessage, err error)
}

// Secrets holds the HMAC secrets of dialects.
type Secrets interface {
	// Secret returns the secret of a dialect that signs, and all that verify.
	Secret(ctx context.Context, dialect string) (current []byte, all [][]byte, err error)
}
