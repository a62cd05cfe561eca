package apikey

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// Plugin checks API keys. Make it with [New] and configure it before anything
// else.
type Plugin struct {
	keys  *Keys
	cache *cache
	usage *usage
}

var (
	_ sdk.Authenticator = (*Plugin)(nil)
	_ sdk.Configurer    = (*Plugin)(nil)
	_ sdk.Describer     = (*Plugin)(nil)
	_ sdk.Refresher     = (*Plugin)(nil)
	_ sdk.Lookuper      = (*Plugin)(nil)
)

// New returns the plugin, to be configured.
func New() *Plugin { return &Plugin{} }

// Describe names the plugin and its configuration.
func (p *Plugin) Describe() sdk.Description {
	return sdk.Description{Name: "apikey", Version: "1", Kinds: []sdk.Kind{sdk.APIKey}, Schema: schema}
}

// Configure opens the database and brings the table up to date.
func (p *Plugin) Configure(ctx context.Context, config json.RawMessage) error {
	c, err := parseConfig(config)
	if err != nil {
		return err
	}
	keys, err := OpenKeys(ctx, c)
	if err != nil {
		return err
	}
	if err := keys.Migrate(ctx); err != nil {
		keys.Close()
		return err
	}
	p.keys, p.cache, p.usage = keys, newCache(keys), newUsage(keys)
	return nil
}

// Close writes when keys were last used and closes the database.
func (p *Plugin) Close() error {
	if p.keys == nil {
		return nil
	}
	p.usage.close()
	return p.keys.Close()
}

// Authenticate checks an API key. A text that begins as our keys do and is none
// is refused without asking the database.
func (p *Plugin) Authenticate(ctx context.Context, r sdk.Request) (sdk.Identity, error) {
	if r.Credential.Kind != sdk.APIKey {
		return sdk.Identity{}, sdk.ErrUnknown
	}
	key, err := parseAny(r.Credential.Secret.Reveal())
	if err != nil {
		return sdk.Identity{}, sdk.ErrUnknown
	}
	found, err := p.cache.find(ctx, key)
	if err != nil {
		return sdk.Identity{}, absent(err)
	}
	if subtle.ConstantTimeCompare(found.hash[:], key.Hash[:]) != 1 {
		return sdk.Identity{}, sdk.Denied(sdk.Invalid)
	}
	if !found.from(r.Remote) {
		slog.WarnContext(ctx, "refused an API key: used from elsewhere", "api_key_id", found.ID, "remote", r.Remote)
		return sdk.Identity{}, sdk.Denied(sdk.Disabled)
	}
	now := time.Now()
	id, err := found.admit(r.Attributes["unit"], now)
	if err == nil {
		p.usage.touch(&found.Record, now)
	}
	return id, err
}

// Refresh returns the identity as its key has it now, for the same unit.
func (p *Plugin) Refresh(ctx context.Context, id sdk.Identity) (sdk.Identity, error) {
	name, _ := id.Claims[claimID].(string)
	found, err := p.keys.get(ctx, `id = ?`, name)
	if err != nil {
		return sdk.Identity{}, absent(err)
	}
	if found.Owner.Subject != id.Subject {
		return sdk.Identity{}, sdk.ErrUnknown
	}
	return found.admit(id.Unit, time.Now())
}

// Lookup returns the identity of a key's ID, or of the newest key of a subject
// or user name.
func (p *Plugin) Lookup(ctx context.Context, name string) (sdk.Identity, error) {
	found, err := p.keys.named(ctx, name)
	if err != nil {
		return sdk.Identity{}, absent(err)
	}
	return found.identity(), nil
}

func absent(err error) error {
	if errors.Is(err, ErrNotFound) {
		return sdk.ErrUnknown
	}
	return sdk.Unavailable(fmt.Errorf("check API key: %w", err))
}
