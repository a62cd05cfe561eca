package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/claimsmith/claimsmith/cmd/claimsmith/config"
	"github.com/claimsmith/claimsmith/server/audit"
	"github.com/claimsmith/claimsmith/storage"
)

// observers take what is seen: events and traces.
type observers struct {
	events *audit.Log
	file   *audit.File   // nil: events go to the log or to standard output
	keeper *audit.Keeper // nil: events are not kept
	traces trace.TracerProvider
	sample share                       // of the requests that are traced
	flush  func(context.Context) error // what is left of the traces
}

func openObservers(ctx context.Context, cfg *config.Config, db *storage.DB, log *slog.Logger) (*observers, error) {
	o := new(observers)
	to, file, keeper, err := eventsConfig(cfg, db, log, slog.NewJSONHandler(os.Stdout, nil))
	if err != nil {
		return nil, err
	}
	o.events, o.file, o.keeper = audit.New(to), file, keeper
	return o, o.openTraces(ctx, cfg.Tracing, log)
}

// eventsConfig says where a configuration has events go, and opens it. Stdout
// gets those for standard output.
func eventsConfig(cfg *config.Config, db *storage.DB, log *slog.Logger, stdout slog.Handler) (to audit.Config, file *audit.File, keeper *audit.Keeper, err error) {
	to = audit.Config{Lines: log.Handler(), Required: cfg.Audit.Required, Log: log}
	switch path := cfg.EventsFile(); path {
	case "":
	case "-":
		to.Lines = stdout
	default:
		if file, err = audit.OpenFile(path); err != nil {
			return to, nil, nil, hint(err, "see audit.file in the configuration")
		}
		to.Lines = slog.NewJSONHandler(file, nil)
	}
	if keep := cfg.Audit.Keep.Std(); keep > 0 {
		keeper = audit.NewKeeper(db, keep, log)
		to.Keeper = keeper
	}
	return to, file, keeper, nil
}

// traceFlush bounds how long the last spans are waited for.
const traceFlush = 3 * time.Second

// openTraces makes traces for a collector. A caller's wish to be traced changes
// nothing: the configured share of its requests is.
func (o *observers) openTraces(ctx context.Context, c config.Tracing, log *slog.Logger) error {
	o.flush = func(context.Context) error { return nil }
	if c.Endpoint == "" {
		return nil
	}
	options, err := collector(c.Endpoint)
	if err != nil {
		return err
	}
	exporter, err := otlptracehttp.New(ctx, options...)
	if err != nil {
		return fmt.Errorf("open traces: %w", err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("export traces", "error", err) }))
	o.sample.set(c)
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter),
		sdktrace.WithSampler(sdktrace.ParentBased(&o.sample, sdktrace.WithRemoteParentSampled(&o.sample))),
		sdktrace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", "claimsmith"), attribute.String("service.version", version))),
	)
	o.traces, o.flush = provider, provider.Shutdown
	return nil
}

// run keeps events until ctx ends; then it sends what is left.
func (o *observers) run(ctx context.Context) error {
	if o.keeper != nil {
		o.keeper.Run(ctx)
	}
	<-ctx.Done()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), traceFlush)
	defer cancel()
	o.flush(last) // a collector that is down keeps nobody from ending
	return nil
}

// reopen opens the file of events anew.
func (o *observers) reopen() error {
	if o.file == nil {
		return nil
	}
	return o.file.Reopen()
}

func (o *observers) close() error {
	if o.file == nil {
		return nil
	}
	return o.file.Close()
}

// register adds the metrics of the events.
func (o *observers) register(r *prometheus.Registry) {
	gauge := func(name, help string, value func() float64) {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	gauge("claimsmith_events_writable", "0 while the last event could not be written.", func() float64 { return oneIf(o.events.Failure() == nil) })
	if o.keeper == nil {
		return
	}
	gauge("claimsmith_events_pending", "Events that wait to be kept in storage.", func() float64 { return float64(o.keeper.Pending()) })
	r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "claimsmith_events_dropped_total", Help: "Events that were not kept in storage, because too many waited.",
	}, func() float64 { return float64(o.keeper.Dropped()) }))
}
