package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/claimsmith/claimsmith/cmd/claimsmith/config"
	"github.com/claimsmith/claimsmith/jwks"
)

// openKeys opens an issuer's keys and secrets for the server.
func (p *process) openKeys(ctx context.Context, issuer *config.Issuer) (*jwks.Ring, *jwks.Secrets, error) {
	if err := p.checkClientAlgorithms(ctx, issuer); err != nil {
		return nil, nil, err
	}
	holders, err := p.keyHolders(ctx, issuer)
	if err != nil {
		return nil, nil, err
	}
	c := ringConfig(issuer, p.db, p.sealer, holders, p.log)
	c.Observer = keyEvents{p.keys.of(issuer.Name), p.in.watch.events, p.log}
	ring, err := jwks.Open(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	of := secretsConfig(issuer, p.db, p.sealer, p.log)
	of.Observer = c.Observer
	secrets, err := jwks.OpenSecrets(ctx, of)
	return ring, secrets, err
}

// checkClientAlgorithms refuses a configuration that has no key any more for a
// client of storage.
func (p *process) checkClientAlgorithms(ctx context.Context, issuer *config.Issuer) error {
	clients, err := p.db.Clients(ctx, issuer.Name)
	if err != nil {
		return fmt.Errorf("list clients: %w", err)
	}
	for _, c := range clients {
		if !issuer.SignsWith(c.Algorithm) {
			return hint(fmt.Errorf("the tokens of client %s are signed by %s, which is not one of keys.algorithms", c.ID, c.Algorithm),
				"put it back, or choose another: claimsmith client update %s --algorithm %s", c.ID, issuer.Keys.Algorithms[0])
		}
	}
	return nil
}

// reloadKeys takes up keys and secrets that another process has changed.
func (p *process) reloadKeys() {
	for name, ring := range p.rings {
		err := errors.Join(ring.Reload(context.Background()), p.secrets[name].Reload(context.Background()))
		if err != nil {
			p.log.Warn("reload keys", "issuer", name, "error", err)
		}
	}
}
