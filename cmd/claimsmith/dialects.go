package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/claimsmith/claimsmith/cmd/claimsmith/config"
	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server"
	"github.com/claimsmith/claimsmith/server/authn"
	"github.com/claimsmith/claimsmith/server/oauth"
	"github.com/claimsmith/claimsmith/storage"
)

// openDialects opens the dialects of each issuer. A secret that nobody imported
// is made.
func (p *process) openDialects(ctx context.Context) error {
	for i := range p.cfg.Issuers {
		issuer := &p.cfg.Issuers[i]
		for k := range issuer.Dialects {
			d, err := p.openDialect(ctx, issuer, &issuer.Dialects[k])
			if err != nil {
				return fmt.Errorf("open dialects of issuer %s: %w", issuer.Name, err)
			}
			p.dialects[issuer.Name] = append(p.dialects[issuer.Name], d)
		}
	}
	return nil
}

func (p *process) openDialect(ctx context.Context, issuer *config.Issuer, d *config.Dialect) (*server.Dialect, error) {
	if name, algorithm := d.Secret(); name != "" {
		if err := p.secrets[issuer.Name].Ensure(ctx, name, algorithm); err != nil {
			return nil, hint(err, "claimsmith keys rotate-secret %[1]s makes one that is long enough, keys import-secret %[1]s takes over that of the services", name)
		}
	}
	c := d.Config(issuer.URL)
	c.IssuerName, c.Secrets = issuer.Name, p.secrets[issuer.Name]
	all := clients{issuer.StaticClients(), p.clients}
	if _, err := all.Client(ctx, issuer.Name, d.Client); errors.Is(err, storage.ErrNotFound) {
		p.log.WarnContext(ctx, "nobody can log in by a dialect: there is no such client", "issuer", issuer.Name, "dialect", c.Dialect.Name, "client", d.Client)
	}
	return server.NewDialect(server.DialectConfig{
		Config: c, Client: d.Client, Audience: issuer.Audience,
		Ring: p.rings[issuer.Name], Clients: all, People: holders{p.links(issuer), c.Dialect.Kinds()}, Usage: p.in.usage,
	})
}

// holders finds who a token of a dialect stands for, among the plugins that judge
// what its logins take: a person may have an API key too, which is none of the
// person's password's business.
type holders struct {
	chain authn.Chain
	kinds []sdk.Kind
}

// Lookup implements sdk.Lookuper.
func (h holders) Lookup(ctx context.Context, name string) (sdk.Identity, error) {
	for _, kind := range h.kinds {
		judges := slices.DeleteFunc(slices.Clone(h.chain), func(l authn.Link) bool { return !l.Plugin.Handles(kind) })
		if id, err := judges.Lookup(ctx, name); !errors.Is(err, sdk.ErrUnknown) {
			return id, err
		}
	}
	return sdk.Identity{}, sdk.ErrUnknown
}

// tokenFinders recognise the tokens of an issuer's dialects.
func (p *process) tokenFinders(issuer string) []oauth.TokenFinder {
	var finders []oauth.TokenFinder
	for _, d := range p.dialects[issuer] {
		finders = append(finders, d.FindToken)
	}
	return finders
}

// withDialects returns a provider and the dialects in front of it.
func (p *process) withDialects(provider *oauth.Provider) []server.Mounter {
	mounters := []server.Mounter{provider}
	for _, d := range p.dialects[provider.Name] {
		mounters = append(mounters, d.Over(provider))
	}
	return mounters
}
