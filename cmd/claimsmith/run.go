package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"github.com/claimsmith/claimsmith/cmd/claimsmith/config"
	"github.com/claimsmith/claimsmith/jwks"
	"github.com/claimsmith/claimsmith/plugins/host"
	"github.com/claimsmith/claimsmith/server"
	"github.com/claimsmith/claimsmith/server/audit"
	"github.com/claimsmith/claimsmith/server/authn"
	"github.com/claimsmith/claimsmith/server/oauth"
	"github.com/claimsmith/claimsmith/storage"
)

// process is the running server: every part that has a life of its own.
type process struct {
	cfg     *config.Config
	log     *slog.Logger
	db      *storage.DB
	sealer  *jwks.Sealer
	clients *storage.ClientCache
	plugins map[string]*host.Plugin
	rings   map[string]*jwks.Ring // by the issuer's name
}

// listeners are where a server is reached; admin is nil where it is off.
type listeners struct{ public, admin net.Listener }

// run is the server from start to end on an open storage: plugins and keys
// beside each other, then HTTP. It calls ready when it can answer. When ctx
// ends requests in flight are finished first, then what they need is stopped.
func run(ctx context.Context, cfg *config.Config, db *storage.DB, on listeners, log *slog.Logger, ready func()) error {
	p := &process{
		cfg: cfg, log: log, db: db, clients: storage.NewClientCache(db),
		plugins: map[string]*host.Plugin{}, rings: map[string]*jwks.Ring{},
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, background := errgroup.WithContext(background)
	if err := p.start(background, group); err != nil {
		stop()
		group.Wait() // what else went wrong followed from err
		return err
	}
	srv := server.New(server.Config{
		Public: on.public, Admin: on.admin,
		Endpoints: p.endpoints(), Checks: p.checks(),
		Metrics: newRegistry(), Audit: audit.NewLog(log), Log: log,
	})
	serving, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	context.AfterFunc(background, func() { cancel(context.Cause(background)) })
	group.Go(func() error { ready(); return nil })
	err := srv.Run(serving)
	stop()
	return errors.Join(err, group.Wait())
}

// start opens what the endpoints need, and keeps it alive in group until ctx ends.
func (p *process) start(ctx context.Context, group *errgroup.Group) error {
	if err := p.startPlugins(ctx, group); err != nil {
		return err
	}
	if err := p.startRings(ctx, group); err != nil {
		return err
	}
	if err := p.pluginsReady(ctx); err != nil {
		return err
	}
	group.Go(func() error { return quiet(p.db.Watch(ctx, 0, p.changed)) })
	group.Go(func() error { return p.prune(ctx) })
	return nil
}

// startPlugins starts every plugin's process; it does not wait for them.
func (p *process) startPlugins(ctx context.Context, group *errgroup.Group) error {
	for name, c := range p.cfg.Plugins {
		plugin, err := host.New(pluginConfig(name, c, p.log))
		if err != nil {
			return fmt.Errorf("plugin %s: %w", name, err)
		}
		p.plugins[name] = plugin
		group.Go(func() error { return quiet(plugin.Run(ctx)) })
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
func (p *process) startRings(ctx context.Context, group *errgroup.Group) error {
	sealer, err := openSealer(ctx, p.cfg, p.db)
	if err != nil {
		return err
	}
	p.sealer = sealer
	for i := range p.cfg.Issuers {
		issuer := &p.cfg.Issuers[i]
		ring, err := jwks.Open(ctx, ringConfig(issuer, p.db, sealer, p.log))
		if err != nil {
			return fmt.Errorf("open keys of issuer %s: %w", issuer.Name, err)
		}
		p.rings[issuer.Name] = ring
		group.Go(func() error { return quiet(ring.Run(ctx)) })
	}
	return nil
}

// endpoints makes a provider of each issuer.
func (p *process) endpoints() []server.Mounter {
	var mounters []server.Mounter
	for i := range p.cfg.Issuers {
		issuer := &p.cfg.Issuers[i]
		ring := p.rings[issuer.Name]
		mounters = append(mounters, oauth.New(oauth.Config{
			Name: issuer.Name, Issuer: issuer.URL, Audience: issuer.Audience,
			AccessTokenLifetime: issuer.AccessToken.Lifetime.Std(),
			LongestLifetime:     issuer.Keys.Retain.Std(),
			RefreshIdle:         issuer.RefreshToken.Idle.Std(),
			RefreshAbsolute:     issuer.RefreshToken.Absolute.Std(),
			RefreshGrace:        issuer.RefreshToken.Grace.Std(),
			RefreshKey:          p.cfg.DeriveKey("refresh-token", issuer.Name),
			Claims:              issuer.CompiledClaims(),
			Clients:             clients{issuer.StaticClients(), p.clients},
			Sessions:            p.db,
			Chain:               p.chain(issuer),
			Signer:              ring,
			JWKS:                ring,
		}))
	}
	return mounters
}

func (p *process) chain(issuer *config.Issuer) authn.Chain {
	var chain authn.Chain
	for _, name := range issuer.Chain {
		chain = append(chain, authn.Link{Name: name, Plugin: hosted{p.plugins[name]}})
	}
	return chain
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

// changed takes up what another process has changed in storage.
func (p *process) changed(topic string) {
	switch topic {
	case storage.TopicClients:
		p.clients.Forget()
	case storage.TopicKeys:
		for name, ring := range p.rings {
			if err := ring.Reload(context.Background()); err != nil {
				p.log.Warn("reload keys", "issuer", name, "error", err)
			}
		}
	}
}

// pruneEvery and pruneLimit bound how often and how much ended rows are removed.
const (
	pruneEvery = 10 * time.Minute
	pruneLimit = 1000
)

// prune removes sessions and revocations that have ended.
func (p *process) prune(ctx context.Context) error {
	tick := time.NewTicker(pruneEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			_, err1 := p.db.PruneSessions(ctx, now, pruneLimit)
			_, err2 := p.db.PruneRevocations(ctx, now, pruneLimit)
			if err := errors.Join(err1, err2); err != nil && ctx.Err() == nil {
				p.log.Warn("prune storage", "error", err)
			}
		}
	}
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
