package main

import (
	"context"
	"crypto"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/claimsmith/claimsmith/cmd/claimsmith/config"
	"github.com/claimsmith/claimsmith/jwks"
	"github.com/claimsmith/claimsmith/plugins/host"
)

// keyHolders are the plugins that hold an issuer's keys, as one jwks.Signer. What
// a key is called begins with the name of its plugin and a slash, so keys of
// several plugins live beside each other while an issuer moves from one to
// another, or to memory.
type keyHolders struct {
	makes string // the plugin that makes new keys
	find  func(ctx context.Context, name string) (jwks.Signer, error)
}

// Generate implements jwks.Signer.
func (h keyHolders) Generate(ctx context.Context, algorithm string) (string, crypto.PublicKey, error) {
	s, err := h.find(ctx, h.makes)
	if err != nil {
		return "", nil, err
	}
	ref, public, err := s.Generate(ctx, algorithm)
	return h.makes + "/" + ref, public, err
}

// Sign implements jwks.Signer.
func (h keyHolders) Sign(ctx context.Context, ref string, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	name, ref, _ := strings.Cut(ref, "/")
	s, err := h.find(ctx, name)
	if err != nil {
		return nil, err
	}
	return s.Sign(ctx, ref, digest, opts)
}

// Destroy implements jwks.Signer.
func (h keyHolders) Destroy(ctx context.Context, ref string) error {
	name, ref, _ := strings.Cut(ref, "/")
	s, err := h.find(ctx, name)
	if err != nil {
		return err
	}
	return s.Destroy(ctx, ref)
}

// holdersOf are the plugins of a configuration that may hold an issuer's keys;
// nil where it has none that could.
func holdersOf(cfg *config.Config, issuer *config.Issuer, find func(context.Context, string) (jwks.Signer, error)) jwks.Signer {
	for _, p := range cfg.Plugins {
		if p.Use == "" {
			return keyHolders{issuer.Keys.Signer, find}
		}
	}
	return nil
}

func noHolder(name string) error {
	return fmt.Errorf("the key is held by plugin %s, which the configuration does not name", name)
}

// keyHolders are the running plugins that hold an issuer's keys. The one that
// makes new ones serves.
func (p *process) keyHolders(ctx context.Context, issuer *config.Issuer) (jwks.Signer, error) {
	if name := issuer.Keys.Signer; name != "" {
		if err := p.plugins[name].Ready(ctx); err != nil {
			return nil, hint(fmt.Errorf("start plugin %s: %w", name, err), "it holds the keys; see plugins.%s in the configuration", name)
		}
	}
	return holdersOf(p.cfg, issuer, func(_ context.Context, name string) (jwks.Signer, error) {
		if plugin, ok := p.plugins[name]; ok {
			return plugin, nil
		}
		return nil, noHolder(name)
	}), nil
}

// sameHolders reports whether what may hold keys is what it was.
func (p *process) sameHolders(beside *process) bool {
	for _, cfg := range []*config.Config{p.cfg, beside.cfg} {
		for name, c := range cfg.Plugins {
			if c.Use == "" && p.plugins[name] != beside.plugins[name] {
				return false
			}
		}
	}
	return true
}

// commandSigners start a plugin for a command when it is first needed: most
// commands need none, and one that revokes a key must not wait for what is down.
type commandSigners struct {
	cfg *config.Config
	log *slog.Logger

	mu      sync.Mutex
	started map[string]*host.Process
}

func newCommandSigners(cfg *config.Config, log *slog.Logger) *commandSigners {
	return &commandSigners{cfg: cfg, log: log, started: map[string]*host.Process{}}
}

func (s *commandSigners) holders(issuer *config.Issuer) jwks.Signer {
	return holdersOf(s.cfg, issuer, s.find)
}

func (s *commandSigners) find(ctx context.Context, name string) (jwks.Signer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.cfg.Plugins[name]; !ok {
		return nil, noHolder(name)
	}
	if s.started[name] == nil {
		process, err := host.Start(ctx, pluginConfig(s.cfg, name, s.log))
		if err != nil {
			return nil, err
		}
		s.started[name] = process
	}
	return s.started[name].Client(), nil
}

func (s *commandSigners) stop() {
	for _, process := range s.started {
		process.Stop()
	}
}
