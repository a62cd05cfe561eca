package sdk

import (
	"context"
	"encoding/json"
	"net/netip"
)

// Kind says what a credential is.
type Kind string

// The kinds of credential.
const (
	Password  Kind = "password"  // a user name and a password
	APIKey    Kind = "api_key"   // one opaque string
	Assertion Kind = "assertion" // a typed byte string, for what the other two do not cover
)

// Credential is what a caller offers as proof.
type Credential struct {
	Kind     Kind
	Username string // for Password; at most 1 KiB
	Secret   Secret // the password (never empty), the API key, or the assertion's bytes; at most 16 KiB
	Type     string // for Assertion: the URI of its type
}

// Request asks which identity a credential proves.
type Request struct {
	Credential Credential
	Issuer     string // the issuer URL that was called
	ClientID   string // the OAuth client that passed the credential on
	// Attributes narrows who is meant: organisation, unit, device and what
	// else the caller said. A plugin ignores those it does not know.
	Attributes map[string]string
	Remote     netip.Addr // the caller's address; the zero Addr where unknown
}

// Authenticator judges credentials. A plugin is an Authenticator.
type Authenticator interface {
	// Authenticate returns the identity that the credential proves. Otherwise
	// the error wraps ErrUnknown (no such principal here: the next plugin is
	// asked), ErrDenied (it is here and the proof is wrong, or it may not log
	// in: see DeniedError; nobody else is asked) or ErrUnavailable (it cannot
	// tell). Any other error counts as ErrUnavailable. It must take the same
	// work for an unknown principal as for a wrong proof, honour ctx, and be
	// safe for concurrent use.
	Authenticate(ctx context.Context, r Request) (Identity, error)
}

// Refresher is an Authenticator that can say whether an identity still holds.
// Where a plugin is none, an identity holds as long as its session.
type Refresher interface {
	// Refresh returns the identity as it is now, or errors as Authenticate
	// does: ErrUnknown and ErrDenied end the session.
	Refresh(ctx context.Context, id Identity) (Identity, error)
}

// Lookuper is an Authenticator that finds a principal without a credential,
// for operators who ask what its claims would be.
type Lookuper interface {
	// Lookup returns the identity of a subject or user name, which is never
	// empty, or an error that wraps ErrUnknown or ErrUnavailable.
	Lookup(ctx context.Context, name string) (Identity, error)
}

// Configurer is an Authenticator with a configuration.
type Configurer interface {
	// Configure is called once, before any credential, with the plugin's
	// configuration as JSON, secrets included. An error is shown to the
	// operator and keeps the plugin from serving: say what to change, and
	// quote no secret.
	Configure(ctx context.Context, config json.RawMessage) error
}

// Describer is an Authenticator that tells what it is.
type Describer interface {
	Describe() Description
}
