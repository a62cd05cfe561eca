package main

import (
	"context"
	"fmt"
	"time"

	"github.com/claimsmith/claimsmith/cmd/claimsmith/config"
	"github.com/claimsmith/claimsmith/jwks"
	"github.com/claimsmith/claimsmith/storage"
)

// openKeys opens an issuer's keys and secrets for the server.
func (p *process) openKeys(ctx context.Context, issuer *config.Issuer, retain time.Duration) (*jwks.Ring, *jwks.Secrets, error) {
	holders, err := p.keyHolders(ctx, issuer)
	if err != nil {
		return nil, nil, err
	}
	c := ringConfig(issuer, retain, p.db, p.sealer, holders, p.log)
	c.Observer = keyEvents{p.keys.of(issuer.Name), p.in.watch.events, p.log}
	ring, err := jwks.Open(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	of := secretsConfig(issuer, retain, p.db, p.sealer, p.log)
	of.Observer = c.Observer
	secrets, err := jwks.OpenSecrets(ctx, of)
	return ring, secrets, err
}

// storedClients returns an issuer's clients of storage. It refuses a configuration
// that has no key any more for one of them, or none that lives long enough.
func (p *process) storedClients(ctx context.Context, issuer *config.Issuer) ([]storage.Client, error) {
	clients, err := p.db.Clients(ctx, issuer.Name)
	if err != nil {
		return nil, fmt.Errorf("list clients: %w", err)
	}
	for _, c := range clients {
		if retain := issuer.Retention(clients); c.AccessTokenLifetime > retain {
			return nil, hint(fmt.Errorf("tokens of client %s live for %s, longer than keys.retain of the issuer, %s", c.ID, c.AccessTokenLifetime, retain),
				"a token would outlive the key that verifies it: raise keys.retain, leave it out, or: claimsmith client update %s --access-token-lifetime %s", c.ID, retain)
		}
		if !issuer.SignsWith(c.Algorithm) {
			return nil, hint(fmt.Errorf("the tokens of client %s are signed by %s, which is not one of keys.algorithms", c.ID, c.Algorithm),
				"put it back, or choose another: claimsmith client update %s --algorithm %s", c.ID, issuer.Keys.Algorithms[0])
		}
	}
	return clients, nil
}
