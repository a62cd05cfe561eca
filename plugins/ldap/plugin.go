package ldap

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// Plugin judges passwords by an LDAP directory. It answers nothing until it is
// configured. It is safe for concurrent use.
type Plugin struct {
	directory atomic.Pointer[directory]
}

var (
	_ sdk.Authenticator = (*Plugin)(nil)
	_ sdk.Configurer    = (*Plugin)(nil)
	_ sdk.Describer     = (*Plugin)(nil)
	_ sdk.Refresher     = (*Plugin)(nil)
	_ sdk.Lookuper      = (*Plugin)(nil)
)

var errNotConfigured = errors.New("ldap: not configured")

// New returns a Plugin that waits for Configure.
func New() *Plugin { return &Plugin{} }

//go:embed config.schema.json
var schema []byte

// Describe tells the plugin's name, kind of credential and the JSON Schema of Config.
func (p *Plugin) Describe() sdk.Description {
	d := sdk.Description{Name: "ldap", Version: "(devel)", Kinds: []sdk.Kind{sdk.Password}, Schema: schema}
	if info, ok := debug.ReadBuildInfo(); ok {
		d.Version = cmp.Or(info.Main.Version, d.Version)
	}
	return d
}

// Configure reads a Config. A directory that does not answer is reported to
// the log and does not keep the plugin from serving; one that refuses the
// service account does.
func (p *Plugin) Configure(ctx context.Context, config json.RawMessage) error {
	c, err := parseConfig(config)
	if err != nil {
		return fmt.Errorf("read ldap configuration: %w", err)
	}
	d, err := openDirectory(c)
	if err != nil {
		return fmt.Errorf("check ldap configuration:\n%w", err)
	}
	if err := d.pool.warm(ctx); err != nil {
		d.close()
		return err
	}
	if old := p.directory.Swap(d); old != nil {
		old.close()
	}
	return nil
}

// Close ends the plugin's connections. Calls after it are unavailable.
func (p *Plugin) Close() error {
	if d := p.directory.Swap(nil); d != nil {
		d.close()
	}
	return nil
}

// Authenticate returns the identity of the entry that the user name means and
// the password opens. Other kinds of credential are unknown to it.
func (p *Plugin) Authenticate(ctx context.Context, r sdk.Request) (sdk.Identity, error) {
	d := p.directory.Load()
	if d == nil {
		return sdk.Identity{}, sdk.Unavailable(errNotConfigured)
	}
	if r.Credential.Kind != sdk.Password {
		return sdk.Identity{}, sdk.ErrUnknown
	}
	return d.authenticate(ctx, r)
}

// Refresh reads the entry of an identity's subject anew. It is unknown if the
// entry is gone or the filter no longer lets it in, and denied if the entry
// says that it is locked, disabled or expired or that its password must be changed.
func (p *Plugin) Refresh(ctx context.Context, id sdk.Identity) (sdk.Identity, error) {
	d := p.directory.Load()
	if d == nil {
		return sdk.Identity{}, sdk.Unavailable(errNotConfigured)
	}
	return d.refresh(ctx, id)
}

// Lookup finds an entry by its user name, or else by its subject.
func (p *Plugin) Lookup(ctx context.Context, name string) (sdk.Identity, error) {
	d := p.directory.Load()
	if d == nil {
		return sdk.Identity{}, sdk.Unavailable(errNotConfigured)
	}
	return d.lookup(ctx, name)
}
