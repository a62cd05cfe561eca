package apikey

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// Plugin checks API keys. Make it with [New] and configure it before anything
// else.
type Plugin struct {
	source source
}

var (
	_ sdk.Authenticator = (*Plugin)(nil)
	_ sdk.Configurer    = (*Plugin)(nil)
	_ sdk.Describer     = (*Plugin)(nil)
	_ sdk.Refresher     = (*Plugin)(nil)
	_ sdk.Lookuper      = (*Plugin)(nil)
)

// source is where keys are kept. The errors of its methods are those of an
// sdk.Authenticator; what it returns is shared, and nobody changes it.
type source interface {
	// check returns the record of a key that somebody offers.
	check(ctx context.Context, text string) (*Record, error)
	// withID returns the record of a key by its ID.
	withID(ctx context.Context, id string) (*Record, error)
	// named returns the record of a key by its ID, or of the newest of a
	// subject or user name.
	named(ctx context.Context, name string) (*Record, error)
	// used takes note that a key was let in.
	used(r *Record, now time.Time)
	close() error
}

// New returns the plugin, to be configured.
func New() *Plugin { return &Plugin{} }

// Describe names the plugin and its configuration.
func (p *Plugin) Describe() sdk.Description {
	return sdk.Description{Name: "apikey", Version: "1", Kinds: []sdk.Kind{sdk.APIKey}, Schema: schema}
}

// Configure opens the database and brings the table up to date, or gets ready
// to ask the service, which may be down.
func (p *Plugin) Configure(ctx context.Context, config json.RawMessage) error {
	c, err := parseConfig(config)
	if err != nil {
		return err
	}
	if c.VerifyURL != "" {
		p.source, err = newService(c)
	} else {
		p.source, err = openTable(ctx, c)
	}
	return err
}

// Close writes when keys were last used and closes what is open.
func (p *Plugin) Close() error {
	if p.source == nil {
		return nil
	}
	return p.source.close()
}

// Authenticate checks an API key.
func (p *Plugin) Authenticate(ctx context.Context, r sdk.Request) (sdk.Identity, error) {
	if r.Credential.Kind != sdk.APIKey {
		return sdk.Identity{}, sdk.ErrUnknown
	}
	found, err := p.source.check(ctx, r.Credential.Secret.Reveal())
	if err != nil {
		return sdk.Identity{}, err
	}
	if !found.from(r.Remote) {
		slog.WarnContext(ctx, "refused an API key: used from elsewhere", "api_key_id", found.ID, "remote", r.Remote)
		return sdk.Identity{}, sdk.Denied(sdk.Disabled)
	}
	now := time.Now()
	id, err := found.admit(r.Attributes["unit"], now)
	if err == nil {
		p.source.used(found, now)
	}
	return id, err
}

// Refresh returns the identity as its key has it now, for the same unit.
func (p *Plugin) Refresh(ctx context.Context, id sdk.Identity) (sdk.Identity, error) {
	name, _ := id.Claims[claimID].(string)
	if name == "" {
		return sdk.Identity{}, sdk.ErrUnknown
	}
	found, err := p.source.withID(ctx, name)
	if err != nil {
		return sdk.Identity{}, err
	}
	if found.Owner.Subject != id.Subject {
		return sdk.Identity{}, sdk.ErrUnknown
	}
	return found.admit(id.Unit, time.Now())
}

// Lookup returns the identity of a key's ID, or of the newest key of a subject
// or user name.
func (p *Plugin) Lookup(ctx context.Context, name string) (sdk.Identity, error) {
	found, err := p.source.named(ctx, name)
	if err != nil {
		return sdk.Identity{}, err
	}
	return found.identity(), nil
}
