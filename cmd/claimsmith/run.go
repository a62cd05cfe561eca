package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"reflect"
	"runtime/debug"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"github.com/claimsmith/claimsmith/cmd/claimsmith/config"
	"github.com/claimsmith/claimsmith/jwks"
	"github.com/claimsmith/claimsmith/plugins/host"
	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server"
	"github.com/claimsmith/claimsmith/server/authn"
	"github.com/claimsmith/claimsmith/server/oauth"
	"github.com/claimsmith/claimsmith/storage"
)

// process is everything that one configuration names, open. A reload opens
// another beside it, which shares what stays the same.
type process struct {
	in       *instance
	cfg      *config.Config
	log      *slog.Logger
	db       *storage.DB
	sealer   *jwks.Sealer
	clients  *storage.ClientCache
	keys     *keyMetrics
	throttle *authn.Throttle
	plugins  map[string]*host.Plugin
	rings    map[string]*jwks.Ring // by the issuer's name
	secrets  map[string]*jwks.Secrets
	retains  map[string]time.Duration // how long their keys are published at the end
	dialects map[string][]*server.Dialect
}

// listeners are where a server is reached; admin is nil where it is off.
type listeners struct{ public, admin net.Listener }

// run is the server from start to end on an open storage: plugins and keys
// beside each other, then HTTP. It calls ready when it can answer. When ctx
// ends requests in flight are finished first, then what they need is stopped.
func run(ctx context.Context, cfg *config.Config, db *storage.DB, on listeners, log logger, ready func()) error {
	in, err := newInstance(ctx, cfg, db, log)
	if err != nil {
		return err
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, background := errgroup.WithContext(background)
	if err := in.start(background, group, cfg, on); err != nil {
		stop()
		group.Wait() // what else went wrong followed from err
		return errors.Join(err, in.watch.close())
	}
	serving, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	context.AfterFunc(background, func() { cancel(context.Cause(background)) })
	group.Go(func() error {
		ready()
		debug.FreeOSMemory() // what the start took
		return nil
	})
	err = in.server.Run(serving)
	stop()
	return errors.Join(err, group.Wait(), in.watch.close())
}

// open opens what a configuration names: beside a process that runs, which may
// be nil, and what that has with the same configuration is shared. Where that
// fails nothing new is left.
func (in *instance) open(ctx context.Context, cfg *config.Config, beside *process) (*process, error) {
	if beside == nil {
		beside = new(process)
	}
	p := &process{
		in: in, cfg: cfg, log: in.log, db: in.db, sealer: in.sealer, clients: in.clients, keys: in.keys,
		throttle: in.throttle.With(cfg.Throttle.Limits()),
		plugins:  map[string]*host.Plugin{}, rings: map[string]*jwks.Ring{},
		secrets: map[string]*jwks.Secrets{}, retains: map[string]time.Duration{}, dialects: map[string][]*server.Dialect{},
	}
	if err := p.open(ctx, beside); err != nil {
		beside.release(p)
		return nil, err
	}
	return p, nil
}

func (p *process) open(ctx context.Context, beside *process) error {
	if err := p.startPlugins(beside); err != nil {
		return err
	}
	if err := p.startRings(ctx, beside); err != nil {
		return err
	}
	if err := p.openDialects(ctx); err != nil {
		return err
	}
	return p.pluginsReady(ctx)
}

// startPlugins starts every plugin's process; it does not wait for them.
func (p *process) startPlugins(beside *process) error {
	for name := range p.cfg.Plugins {
		c := pluginConfig(p.cfg, name, p.log)
		if running, ok := beside.plugins[name]; ok && running.Runs(c) {
			p.plugins[name] = running
			continue
		}
		plugin, err := host.New(c)
		if err != nil {
			return fmt.Errorf("plugin %s: %w", name, err)
		}
		p.plugins[name] = plugin
		p.in.parts.run(plugin, plugin.Run)
	}
	return nil
}

func (p *process) pluginsReady(ctx context.Context) error {
	for name, plugin := range p.plugins {
		if err := plugin.Ready(ctx); err != nil {
			return hint(fmt.Errorf("start plugin %s: %w", name, err), "see plugins.%s in the configuration", name)
		}
	}
	return nil
}

// startRings opens each issuer's keys, under the master keys that sealed them.
func (p *process) startRings(ctx context.Context, beside *process) error {
	for i := range p.cfg.Issuers {
		issuer := &p.cfg.Issuers[i]
		stored, err := p.storedClients(ctx, issuer)
		if err != nil {
			return fmt.Errorf("open keys of issuer %s: %w", issuer.Name, err)
		}
		retain := issuer.Retention(stored)
		p.retains[issuer.Name] = retain
		if ring, ok := beside.rings[issuer.Name]; ok && beside.sameKeys(issuer) && retain == beside.retains[issuer.Name] && p.sameHolders(beside) {
			p.rings[issuer.Name], p.secrets[issuer.Name] = ring, beside.secrets[issuer.Name]
			continue
		}
		ring, secrets, err := p.openKeys(ctx, issuer, retain)
		if err != nil {
			return fmt.Errorf("open keys of issuer %s: %w", issuer.Name, err)
		}
		p.rings[issuer.Name], p.secrets[issuer.Name] = ring, secrets
		p.in.parts.run(ring, ring.Run)
		p.in.parts.run(secrets, secrets.Run)
	}
	return nil
}

// sameKeys reports whether an issuer's keys live as they do here.
func (p *process) sameKeys(issuer *config.Issuer) bool {
	own, err := p.cfg.Issuer(issuer.Name)
	return err == nil && reflect.DeepEqual(own.RingConfig(), issuer.RingConfig()) && reflect.DeepEqual(own.Keys, issuer.Keys)
}

// site is what the process serves.
func (p *process) site() server.Site {
	return server.Site{Endpoints: p.endpoints(), Checks: p.checks(), TrustedProxies: p.cfg.Proxies()}
}

// endpoints makes a provider of each issuer.
func (p *process) endpoints() []server.Mounter {
	var mounters []server.Mounter
	for i := range p.cfg.Issuers {
		issuer := &p.cfg.Issuers[i]
		ring := p.rings[issuer.Name]
		mounters = append(mounters, p.withDialects(oauth.New(oauth.Config{
			Name: issuer.Name, Issuer: issuer.URL, Audience: issuer.Audience,
			AccessTokenLifetime: issuer.AccessToken.Lifetime.Std(),
			LongestLifetime:     p.retains[issuer.Name],
			RefreshIdle:         issuer.RefreshToken.Idle.Std(),
			RefreshAbsolute:     issuer.RefreshToken.Absolute.Std(),
			RefreshGrace:        issuer.RefreshToken.Grace.Std(),
			RefreshKey:          p.cfg.DeriveKey("refresh-token", issuer.Name),
			Claims:              issuer.CompiledClaims(),
			Clients:             clients{issuer.StaticClients(), p.clients},
			TrustedIssuers:      issuer.TrustedParties(),
			Algorithms:          issuer.Keys.Algorithms,
			Sessions:            p.db,
			Revocations:         p.in.revocations,
			Assertions:          p.db,
			Throttle:            p.clientThrottle(issuer),
			Chain:               p.chain(issuer),
			Signer:              ring,
			Verifier:            ring,
			JWKS:                ring,
			TokenFinders:        p.tokenFinders(issuer.Name),
		}))...)
	}
	return mounters
}

// links are the plugins that an issuer asks, in order.
func (p *process) links(issuer *config.Issuer) (chain authn.Chain) {
	for _, name := range issuer.Chain {
		chain = append(chain, authn.Link{Name: name, Plugin: hosted{p.plugins[name]}})
	}
	return chain
}

// chain is who judges the credentials of an issuer; nil for nobody. Every way
// in passes it: the throttle first, then what makes failures alike.
func (p *process) chain(issuer *config.Issuer) oauth.Chain {
	links := p.links(issuer)
	if len(links) == 0 {
		return nil
	}
	var judge sdk.Authenticator = authn.NewEven(links)
	if !p.cfg.Throttle.Off {
		judge = p.throttle.Around(issuer.Name, judge)
	}
	return struct {
		sdk.Authenticator
		sdk.Refresher
	}{judge, links}
}

// clientThrottle is before the secrets of an issuer's clients; nil for none.
func (p *process) clientThrottle(issuer *config.Issuer) oauth.Throttle {
	if p.cfg.Throttle.Off {
		return nil
	}
	return p.throttle.Secrets(issuer.Name)
}

// clients are an issuer's clients: those of the configuration before those of
// storage.
type clients struct {
	static map[string]*storage.Client
	stored *storage.ClientCache
}

// Client implements oauth.Clients.
func (c clients) Client(ctx context.Context, issuer, id string) (*storage.Client, error) {
	if client, ok := c.static[id]; ok {
		return client, nil
	}
	return c.stored.Client(ctx, issuer, id)
}

// Scopes implements oauth.Clients.
func (c clients) Scopes(ctx context.Context, issuer string) ([]string, error) {
	all, err := c.stored.Scopes(ctx, issuer)
	if err != nil {
		return nil, err
	}
	for _, client := range c.static {
		all = append(all, client.Scopes...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// checks are what must work for the server to be ready.
func (p *process) checks() []server.Check {
	checks := []server.Check{{Name: "storage", Probe: p.db.Ping}}
	for name, plugin := range p.plugins {
		checks = append(checks, server.Check{Name: "plugin " + name, Probe: func(context.Context) error {
			if s := plugin.Status(); s.State != host.Serving {
				return fmt.Errorf("%s: %s", s.State, s.LastError)
			}
			return nil
		}})
	}
	for name, ring := range p.rings {
		checks = append(checks, server.Check{Name: "keys " + name, Probe: func(context.Context) error { return ring.Ready() }})
	}
	return checks
}

func newRegistry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// quiet drops the error of a part that was told to stop.
func quiet(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
