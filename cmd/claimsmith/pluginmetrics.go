package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/claimsmith/claimsmith/plugins/host"
)

// pluginMetrics reads the plugins' counters when they are asked for; a call
// costs nothing for it. It is a prometheus.Collector.
type pluginMetrics func() map[string]*host.Plugin

var (
	pluginInfo = prometheus.NewDesc("claimsmith_plugin_info",
		"What a plugin's process is, always 1.", []string{"plugin", "implementation", "version", "sha256"}, nil)
	pluginState = prometheus.NewDesc("claimsmith_plugin_state",
		"Where a plugin is in its life: 1 for the state that it is in.", []string{"plugin", "state"}, nil)
	pluginRestarts = prometheus.NewDesc("claimsmith_plugin_restarts_total",
		"Processes that were started after one failed.", []string{"plugin"}, nil)
	pluginBreaker = prometheus.NewDesc("claimsmith_plugin_breaker_open",
		"1 while calls are refused because the plugin's failures are slow.", []string{"plugin"}, nil)
	pluginInFlight = prometheus.NewDesc("claimsmith_plugin_calls_in_flight",
		"Calls under way.", []string{"plugin"}, nil)
	pluginCalls = prometheus.NewDesc("claimsmith_plugin_calls_total",
		"Calls by how they ended.", []string{"plugin", "outcome"}, nil)
	pluginSeconds = prometheus.NewDesc("claimsmith_plugin_call_duration_seconds",
		"How long calls took that reached a process, waiting for one included.", []string{"plugin"}, nil)
)

// Describe implements prometheus.Collector.
func (m pluginMetrics) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{pluginInfo, pluginState, pluginRestarts, pluginBreaker, pluginInFlight, pluginCalls, pluginSeconds} {
		descs <- d
	}
}

// Collect implements prometheus.Collector.
func (m pluginMetrics) Collect(metrics chan<- prometheus.Metric) {
	for name, plugin := range m() {
		s, calls := plugin.Status(), plugin.CallStats()
		gauge := func(d *prometheus.Desc, value float64, labels ...string) {
			metrics <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, append([]string{name}, labels...)...)
		}
		counter := func(d *prometheus.Desc, value float64, labels ...string) {
			metrics <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, value, append([]string{name}, labels...)...)
		}
		gauge(pluginInfo, 1, s.Plugin, s.Version, s.SHA256)
		for _, state := range host.States {
			gauge(pluginState, oneIf(s.State == state), string(state))
		}
		counter(pluginRestarts, float64(s.Restarts))
		gauge(pluginBreaker, oneIf(s.Breaker))
		gauge(pluginInFlight, float64(s.InFlight))
		for outcome, n := range calls.Outcomes {
			counter(pluginCalls, float64(n), string(outcome))
		}
		buckets := make(map[float64]uint64, len(host.Bounds))
		for i, bound := range host.Bounds {
			buckets[bound] = calls.Buckets[i]
		}
		metrics <- prometheus.MustNewConstHistogram(pluginSeconds, calls.Count, calls.Seconds, buckets, name)
	}
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
