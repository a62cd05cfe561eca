package main

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/metadata"

	"github.com/claimsmith/claimsmith/cmd/claimsmith/config"
	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// collector is where an OTLP/HTTP collector takes traces.
func collector(endpoint string) ([]otlptracehttp.Option, error) {
	u, err := url.Parse(endpoint)
	if err != nil {
		return nil, fmt.Errorf("open traces: %w", err)
	}
	path := u.Path
	if path == "/" {
		path = ""
	}
	options := []otlptracehttp.Option{otlptracehttp.WithEndpoint(u.Host), otlptracehttp.WithURLPath(cmp.Or(path, "/v1/traces"))}
	if u.Scheme == "http" {
		options = append(options, otlptracehttp.WithInsecure())
	}
	return options, nil
}

// share is a sampler whose share of requests can change while it is used.
type share struct {
	now atomic.Pointer[sdktrace.Sampler]
}

func (s *share) set(c config.Tracing) { s.now.Store(new(sdktrace.TraceIDRatioBased(*c.Sample))) }

// ShouldSample implements sdktrace.Sampler.
func (s *share) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	return (*s.now.Load()).ShouldSample(p)
}

// Description implements sdktrace.Sampler.
func (s *share) Description() string { return (*s.now.Load()).Description() }

// tracePlugin begins the span of a call to a plugin, and tells the plugin's
// process the trace in W3C Trace Context, as gRPC metadata. Without a trace it
// costs nothing.
func tracePlugin(ctx context.Context, plugin, call string) (context.Context, trace.Span) {
	parent := trace.SpanFromContext(ctx)
	if !parent.SpanContext().IsValid() {
		return ctx, parent
	}
	ctx, span := parent.TracerProvider().Tracer("github.com/claimsmith/claimsmith/plugins").Start(ctx, "plugin "+plugin,
		trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("claimsmith.plugin", plugin), attribute.String("claimsmith.call", call)))
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	for name, value := range carrier {
		ctx = metadata.AppendToOutgoingContext(ctx, name, value)
	}
	return ctx, span
}

// Authenticate implements sdk.Authenticator.
func (h hosted) Authenticate(ctx context.Context, r sdk.Request) (sdk.Identity, error) {
	ctx, span := tracePlugin(ctx, h.Name(), "authenticate")
	defer span.End()
	return h.Plugin.Authenticate(ctx, r)
}

// Refresh implements sdk.Refresher.
func (h hosted) Refresh(ctx context.Context, id sdk.Identity) (sdk.Identity, error) {
	ctx, span := tracePlugin(ctx, h.Name(), "refresh")
	defer span.End()
	return h.Plugin.Refresh(ctx, id)
}
