package oauth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ory/fosite"
	"golang.org/x/crypto/bcrypt"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server/audit"
	"github.com/claimsmith/claimsmith/storage"
)

// authenticateClient returns the client that a credential proves. That storage
// is down is not the client's fault, so it never reads as invalid_client.
func (p *Provider) authenticateClient(ctx context.Context, c ClientCredential) (*storage.Client, error) {
	return p.throttleClient(ctx, c, p.proveClientAsMeant)
}

// proveClientAsMeant takes a Basic header either way.
func (p *Provider) proveClientAsMeant(ctx context.Context, c ClientCredential) (*storage.Client, error) {
	client, err := p.proveClientCredential(ctx, c)
	if e, ok := errors.AsType[*Error](err); c.raw != nil && ok && e.Code == "invalid_client" {
		return p.proveClientCredential(ctx, *c.raw)
	}
	return client, err
}

func (p *Provider) proveClientCredential(ctx context.Context, c ClientCredential) (*storage.Client, error) {
	client, err := p.Clients.Client(ctx, p.Name, c.ID)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		compareSum(unknownClientHash, c.Secret)
		return nil, invalidClient(errors.New("unknown client"))
	case err != nil:
		return nil, fromStorage(err)
	}
	if err := p.checkClient(ctx, client, c); err != nil {
		audit.FromContext(ctx).Client = client.ID
		if e, ok := errors.AsType[*Error](err); ok {
			return nil, e
		}
		return nil, invalidClient(err)
	}
	return client, nil
}

// checkClient returns why a credential does not prove a client: an *Error where
// that cannot be told at the moment.
func (p *Provider) checkClient(ctx context.Context, client *storage.Client, c ClientCredential) error {
	public := client.Public()
	switch {
	case client.Disabled:
		return errors.New("the client is disabled")
	case c.Method == ClientTrusted:
		return nil
	case public && (c.Secret != "" || c.Assertion != ""):
		return errors.New("a public client offers a secret")
	case public:
		return nil
	case c.Method == ClientPrivateKeyJWT:
		return p.checkClientAssertion(ctx, client, c.Assertion)
	case c.Method == ClientNone:
		return errors.New("a confidential client offers no secret")
	}
	return p.checkClientSecret(ctx, client, c.Secret)
}

func (p *Provider) checkClientSecret(ctx context.Context, client *storage.Client, secret sdk.Secret) error {
	now := time.Now()
	var slow []string
	for _, s := range client.Secrets {
		switch {
		case !s.Expires.IsZero() && !now.Before(s.Expires):
		case !strings.HasPrefix(s.Hash, sha256Hash):
			slow = append(slow, s.Hash)
		case compareSum(s.Hash, secret):
			return nil
		}
	}
	for _, hash := range slow {
		var same bool
		if err := p.gate.run(ctx, func() { same = compareBcrypt(hash, secret) }); err != nil {
			return err
		}
		if same {
			return nil
		}
	}
	return errors.New("wrong client secret")
}

// longestAssertion bounds how long a client's assertion may be valid, and so
// how long it is remembered.
const longestAssertion = 5 * time.Minute

// checkClientAssertion checks private_key_jwt (RFC 7523 section 3, OpenID
// Connect Core section 9): iss and sub are both the client.
func (p *Provider) checkClientAssertion(ctx context.Context, client *storage.Client, text sdk.Secret) error {
	a, err := p.verifyAssertion(ctx, text.Reveal(), assertionRules{
		keys: KeySource{JWKS: client.JWKS, URL: client.JWKSURL},
		typ:  "client-authentication+jwt", issuer: client.ID, audience: p.assertionAudience(), longest: longestAssertion,
	})
	if err == nil && a.Subject != client.ID {
		err = errors.New("its sub is another")
	}
	if err == nil {
		err = p.useAssertion(ctx, "client", a)
	}
	if err != nil {
		return fmt.Errorf("client assertion: %w", err)
	}
	return nil
}

const sha256Hash = "sha256:"

// unknownClientHash is compared for a client that does not exist, so that its
// answer takes as long as a wrong secret's.
var unknownClientHash = HashClientSecret("")

// NewClientSecret returns a new client secret of 256 bits.
func NewClientSecret() sdk.Secret {
	b := make([]byte, 32)
	rand.Read(b)
	return sdk.Secret("ccs_" + base64.RawURLEncoding.EncodeToString(b))
}

// HashClientSecret returns the hash under which storage keeps a secret of high
// entropy. SHA-256 is enough for one that nobody can guess, and lets the token
// endpoint check thousands a second.
func HashClientSecret(secret sdk.Secret) string {
	sum := sha256.Sum256([]byte(secret.Reveal()))
	return sha256Hash + base64.RawURLEncoding.EncodeToString(sum[:])
}

// compareSum reports whether hash is HashClientSecret's of secret.
func compareSum(hash string, secret sdk.Secret) bool {
	return subtle.ConstantTimeCompare([]byte(hash), []byte(HashClientSecret(secret))) == 1
}

// compareBcrypt reports whether hash is an imported bcrypt hash of secret.
func compareBcrypt(hash string, secret sdk.Secret) bool {
	return bcrypt.CompareHashAndPassword([]byte(hash), []byte(secret.Reveal())) == nil
}

// CheckSecretHash reports whether hash is one that a client may be imported
// with: of HashClientSecret, or bcrypt.
func CheckSecretHash(hash string) error {
	if sum, ok := strings.CutPrefix(hash, sha256Hash); ok {
		if b, err := base64.RawURLEncoding.DecodeString(sum); err != nil || len(b) != sha256.Size {
			return fmt.Errorf("not the unpadded base64url text of a SHA-256 sum after %q", sha256Hash)
		}
		return nil
	}
	if _, err := bcrypt.Cost([]byte(hash)); err != nil {
		return fmt.Errorf("neither %q nor a bcrypt hash", sha256Hash+"…")
	}
	return nil
}

// clientOfExchange gives fosite the client that Exchange has authenticated.
func clientOfExchange(ctx context.Context, _ *http.Request, _ url.Values) (fosite.Client, error) {
	access, ok := ctx.Value(fosite.AccessRequestContextKey).(*fosite.AccessRequest)
	if !ok {
		return nil, fosite.ErrInvalidClient
	}
	return fositeClient{access.Session.(*exchange).client}, nil
}

// fositeClient is a client as fosite sees it.
type fositeClient struct{ c *storage.Client }

func (f fositeClient) GetID() string                      { return f.c.ID }
func (f fositeClient) GetHashedSecret() []byte            { return nil }
func (f fositeClient) GetRedirectURIs() []string          { return nil }
func (f fositeClient) GetGrantTypes() fosite.Arguments    { return f.c.Grants }
func (f fositeClient) GetResponseTypes() fosite.Arguments { return nil }
func (f fositeClient) GetScopes() fosite.Arguments        { return f.c.Scopes }
func (f fositeClient) IsPublic() bool                     { return f.c.Public() }
func (f fositeClient) GetAudience() fosite.Arguments      { return f.c.Audience }
