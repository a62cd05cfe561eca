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

// authenticateClient returns the client of the request. That storage is down
// is not the client's fault, so it never reads as invalid_client.
func (p *Provider) authenticateClient(ctx context.Context, q Request) (*storage.Client, error) {
	client, err := p.Clients.Client(ctx, p.Name, q.Client.ID)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		compareHash(unknownClientHash, q.Client.Secret)
		return nil, invalidClient(errors.New("unknown client"))
	case err != nil:
		return nil, fromStorage(err)
	}
	if err := checkClient(client, q); err != nil {
		audit.FromContext(ctx).Client = client.ID
		return nil, invalidClient(err)
	}
	return client, nil
}

func checkClient(client *storage.Client, q Request) error {
	public := len(client.Secrets) == 0
	switch {
	case client.Disabled:
		return errors.New("the client is disabled")
	case q.Client.Method == ClientTrusted:
		return nil
	case public && q.Client.Method != ClientNone && q.Client.Secret != "":
		return errors.New("a public client offers a secret")
	case public:
		return nil
	case q.Client.Method == ClientNone:
		return errors.New("a confidential client offers no secret")
	}
	now := time.Now()
	for _, s := range client.Secrets {
		if (s.Expires.IsZero() || now.Before(s.Expires)) && compareHash(s.Hash, q.Client.Secret) {
			return nil
		}
	}
	return errors.New("wrong client secret")
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

// compareHash reports whether hash, of HashClientSecret or an imported bcrypt
// hash, is that of secret.
func compareHash(hash string, secret sdk.Secret) bool {
	if strings.HasPrefix(hash, sha256Hash) {
		return subtle.ConstantTimeCompare([]byte(hash), []byte(HashClientSecret(secret))) == 1
	}
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
func (f fositeClient) IsPublic() bool                     { return len(f.c.Secrets) == 0 }
func (f fositeClient) GetAudience() fosite.Arguments      { return f.c.Audience }
