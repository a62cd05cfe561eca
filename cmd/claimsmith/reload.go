package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/plugins/host"
)

// reloadDrain bounds how long requests that began under the configuration
// before are waited for; then what only that used is stopped.
const reloadDrain = 30 * time.Second

// reload is what a reload did.
type reload struct {
	File    string   `json:"file"`
	Issuers int      `json:"issuers"`
	Plugins int      `json:"plugins"`
	Started []string `json:"started,omitempty"` // plugins, new or with another configuration
	Stopped []string `json:"stopped,omitempty"`
}

// reload takes up the configuration as it stands on disk now. Everything that it
// names is opened beside what runs; if anything fails, what runs goes on as it
// was. No request is lost: each is answered by the configuration that it began
// under.
func (in *instance) reload(ctx context.Context) (reload, error) {
	in.commands.Lock()
	defer in.commands.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(in.parts.ctx, cancel)()
	done, err := in.takeUp(ctx)
	in.metrics.count(err)
	if err != nil {
		return reload{}, err
	}
	in.log.Info("configuration reloaded", "file", done.File, "started", done.Started, "stopped", done.Stopped)
	return done, nil
}

func (in *instance) takeUp(ctx context.Context) (reload, error) {
	old := in.current.Load()
	cfg, err := old.cfg.Reread()
	if err != nil {
		return reload{}, err
	}
	if fixed := old.cfg.Fixed(cfg); len(fixed) > 0 {
		return reload{}, hint(fmt.Errorf("%s cannot change while the server runs", strings.Join(fixed, ", ")), "put it back, or restart the server")
	}
	next, err := in.open(ctx, cfg, old)
	if err != nil {
		return reload{}, err
	}
	drained, err := in.server.Use(next.site())
	if err != nil {
		old.release(next)
		return reload{}, err
	}
	in.current.Store(next)
	in.keys.show(next)
	in.level.Set(levelOf(cfg.Log))
	in.watch.sample.set(cfg.Tracing)
	drain, cancel := context.WithTimeout(ctx, reloadDrain)
	defer cancel()
	if err := drained(drain); err != nil {
		in.log.Warn("requests under the configuration before are not waited for any longer", "error", err)
	}
	next.release(old)
	return reload{
		File: cfg.File, Issuers: len(cfg.Issuers), Plugins: len(cfg.Plugins),
		Started: notIn(next.plugins, old.plugins), Stopped: notIn(old.plugins, next.plugins),
	}, nil
}

// notIn returns the names of those plugins that the others do not have.
func notIn(plugins, others map[string]*host.Plugin) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(plugins)), func(name string) bool { return others[name] == plugins[name] })
}

// release stops what only the process before used.
func (p *process) release(before *process) {
	for name, plugin := range before.plugins {
		if p.plugins[name] != plugin {
			before.in.parts.stop(plugin)
		}
	}
	for name, ring := range before.rings {
		if p.rings[name] != ring {
			before.in.parts.stop(ring)
			before.in.parts.stop(before.secrets[name])
		}
	}
}

// reloadCommand reloads a running server, on its control socket.
type reloadCommand struct{ *instance }

// Mount implements server.Mounter.
func (c reloadCommand) Mount(mux *http.ServeMux) {
	mux.HandleFunc("POST /config/reload", func(w http.ResponseWriter, r *http.Request) {
		done, err := c.reload(context.WithoutCancel(r.Context()))
		if err != nil {
			refuse(w, http.StatusUnprocessableEntity, err)
			return
		}
		answer(w, http.StatusOK, done)
	})
}

func newConfigReloadCommand(s *site) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "reload",
		Short: "Make the running server take up its configuration file; a faulty one changes nothing",
		Long: "Make the running server take up its configuration file, as SIGHUP does. A faulty\n" +
			"file changes nothing. No request is lost. Each replica is told for itself.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			server, err := s.control()
			if err != nil {
				return err
			}
			var done reload
			if err := server.do(c.Context(), http.MethodPost, "/config/reload", &done); err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(done)
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s: in use, %d issuers, %d plugins; started: %s; stopped: %s\n",
				done.File, done.Issuers, done.Plugins, text(done.Started), text(done.Stopped))
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// reloadMetrics tell how reloads went.
type reloadMetrics struct {
	reloads *prometheus.CounterVec
	good    prometheus.Gauge
	loaded  prometheus.Gauge
}

func newReloadMetrics() *reloadMetrics {
	m := &reloadMetrics{
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "claimsmith_config_reloads_total", Help: "Reloads of the configuration by how they ended: ok, failed.",
		}, []string{"outcome"}),
		good: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "claimsmith_config_last_reload_successful", Help: "1 unless the last reload has failed and changed nothing.",
		}),
		loaded: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "claimsmith_config_loaded_timestamp_seconds", Help: "Since when the configuration is in use.",
		}),
	}
	m.reloads.WithLabelValues("ok")
	m.reloads.WithLabelValues("failed")
	m.good.Set(1)
	m.loaded.SetToCurrentTime()
	return m
}

func (m *reloadMetrics) count(err error) {
	if err != nil {
		m.reloads.WithLabelValues("failed").Inc()
		m.good.Set(0)
		return
	}
	m.reloads.WithLabelValues("ok").Inc()
	m.good.Set(1)
	m.loaded.SetToCurrentTime()
}

// Describe implements prometheus.Collector.
func (m *reloadMetrics) Describe(to chan<- *prometheus.Desc) { prometheus.DescribeByCollect(m, to) }

// Collect implements prometheus.Collector.
func (m *reloadMetrics) Collect(to chan<- prometheus.Metric) {
	m.reloads.Collect(to)
	m.good.Collect(to)
	m.loaded.Collect(to)
}
