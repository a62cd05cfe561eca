package main

import (
	"context"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/claimsmith/claimsmith/cmd/claimsmith/config"
	"github.com/claimsmith/claimsmith/jwks"
	"github.com/claimsmith/claimsmith/plugins/host"
	"github.com/claimsmith/claimsmith/server"
	"github.com/claimsmith/claimsmith/server/authn"
	"github.com/claimsmith/claimsmith/server/dialect"
	"github.com/claimsmith/claimsmith/storage"
)

// instance is what lives as long as the server, whatever configuration it runs
// by. The parts of one configuration are a process.
type instance struct {
	log         *slog.Logger
	level       *slog.LevelVar // of log
	db          *storage.DB
	sealer      *jwks.Sealer
	clients     *storage.ClientCache
	keys        *keyMetrics
	revocations *storage.RevocationCache
	throttle    *authn.Throttle
	usage       *dialect.Usage
	watch       *observers
	metrics     *reloadMetrics
	server      *server.Server
	own         *certificate // nil where another terminates TLS
	parts       parts

	commands sync.Mutex // one at a time changes what runs
	current  atomic.Pointer[process]
}

func newInstance(ctx context.Context, cfg *config.Config, db *storage.DB, log logger) (*instance, error) {
	sealer, err := openSealer(ctx, cfg, db)
	if err != nil {
		return nil, err
	}
	watch, err := openObservers(ctx, cfg, db, log.Logger)
	if err != nil {
		return nil, err
	}
	own, err := openCertificate(cfg, log.Logger)
	if err != nil {
		return nil, err
	}
	return &instance{
		log: log.Logger, level: log.level, db: db, own: own, sealer: sealer, clients: storage.NewClientCache(db), revocations: storage.NewRevocationCache(db),
		keys: newKeyMetrics(), usage: dialect.NewUsage(), watch: watch, metrics: newReloadMetrics(),
		throttle: authn.NewThrottle(cfg.Throttle.Limits(), throttleStore{db}, cfg.DeriveKey("throttle", "")),
	}, nil
}

// start opens what a configuration names and serves it, and keeps what it
// takes alive in group until ctx ends.
func (in *instance) start(ctx context.Context, group *errgroup.Group, cfg *config.Config, on listeners) error {
	in.parts.group, in.parts.ctx = group, ctx
	p, err := in.open(ctx, cfg, nil)
	if err != nil {
		return err
	}
	in.current.Store(p)
	in.keys.show(p)
	registry := newRegistry()
	registry.MustRegister(pluginMetrics(in.plugins), in.keys, dialectMetrics{in.usage})
	in.register(registry)
	in.server, err = server.New(server.Config{
		Public: on.public, TLS: in.own.config(), Admin: on.admin,
		Control: p.listenControl(), Commands: []server.Mounter{pluginCommands{in}, reloadCommand{in}, dialectCommand{in.usage}},
		Site: p.site(), Metrics: registry, Audit: in.watch.events, Traces: in.watch.traces, Log: in.log,
	})
	if err != nil {
		return err
	}
	group.Go(func() error { return quiet(in.db.Watch(ctx, 0, in.changed)) })
	group.Go(func() error { return in.prune(ctx) })
	group.Go(func() error { return in.throttle.Run(ctx) })
	group.Go(func() error { return in.watch.run(ctx) })
	group.Go(func() error { return in.own.run(ctx) })
	group.Go(func() error { return in.hearSignals(ctx) })
	return nil
}

// register adds the metrics of what belongs to no package's own registry.
func (in *instance) register(r *prometheus.Registry) {
	r.MustRegister(in.metrics, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "claimsmith_build_info", Help: "What runs, always 1.", ConstLabels: prometheus.Labels{"version": version},
	}, func() float64 { return 1 }), prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "claimsmith_throttle_suspects",
		Help: "People, addresses and clients that have failed lately, as far as this replica knows.",
	}, func() float64 { return float64(in.throttle.Suspects()) }))
	in.watch.register(r)
	in.own.register(r)
}

// plugins are those that run, by name.
func (in *instance) plugins() map[string]*host.Plugin { return in.current.Load().plugins }

// changed takes up what another process has changed in storage.
func (in *instance) changed(topic string) {
	switch topic {
	case storage.TopicClients:
		in.clients.Forget()
	case storage.TopicKeys:
		in.reloadKeys()
	}
}

// reloadKeys takes up keys and secrets that another process has changed: those
// of a configuration that is being opened, or drained, as well.
func (in *instance) reloadKeys() {
	for _, part := range in.parts.running() {
		keys, ok := part.(interface{ Reload(context.Context) error })
		if !ok {
			continue
		}
		if err := keys.Reload(context.Background()); err != nil {
			in.log.Warn("reload keys", "error", err)
		}
	}
}

// hearSignals reloads the configuration and the certificate and opens the file
// of events anew at each SIGHUP, until ctx ends.
func (in *instance) hearSignals(ctx context.Context) error {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hup:
			if err := in.watch.reopen(); err != nil {
				in.log.Error("open events anew", "error", err)
			}
			in.own.renew()
			if _, err := in.reload(ctx); err != nil {
				in.log.Error("reload configuration", "error", err, "hint", "nothing has changed; claimsmith config check prints every fault")
			}
		}
	}
}

// parts are what runs for a configuration: plugins and rings. A part that two
// configurations share goes on.
type parts struct {
	group *errgroup.Group
	ctx   context.Context
	mu    sync.Mutex
	stops map[any]context.CancelFunc
}

func (p *parts) run(part any, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(p.ctx)
	p.mu.Lock()
	if p.stops == nil {
		p.stops = map[any]context.CancelFunc{}
	}
	p.stops[part] = cancel
	p.mu.Unlock()
	p.group.Go(func() error { return quiet(run(ctx)) })
}

// running returns the parts that have not been stopped.
func (p *parts) running() []any {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Collect(maps.Keys(p.stops))
}

func (p *parts) stop(part any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if cancel, ok := p.stops[part]; ok {
		cancel()
		delete(p.stops, part)
	}
}
