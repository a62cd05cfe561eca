package server

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/claimsmith/claimsmith/server/audit"
)

// startSpan begins the span of a request, below the caller's where it sends a
// traceparent, and writes the trace's id into the event.
func (s *Server) startSpan(ctx context.Context, r *http.Request, e *audit.Event) (context.Context, trace.Span) {
	switch theirs := r.Header.Get("Traceparent") != ""; {
	case theirs:
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
	case s.untraced:
		return ctx, noop.Span{}
	}
	ctx, span := s.tracer.Start(ctx, r.Method, trace.WithSpanKind(trace.SpanKindServer))
	if c := span.SpanContext(); c.HasTraceID() {
		e.TraceID = c.TraceID().String()
	}
	return ctx, span
}

// endSpan says in the span what the event knows, but for whom it is about.
func endSpan(span trace.Span, r *http.Request, e *audit.Event) {
	defer span.End()
	if !span.IsRecording() {
		return
	}
	if e.Route != "" {
		span.SetName(r.Method + " " + e.Route)
	}
	span.SetAttributes(
		attribute.String("http.request.method", r.Method),
		attribute.Int("http.response.status_code", e.Status),
		attribute.String("claimsmith.request_id", e.RequestID),
		attribute.String("claimsmith.issuer", e.Issuer),
		attribute.String("claimsmith.route", e.Route),
		attribute.String("claimsmith.client", e.Client),
		attribute.String("claimsmith.grant", e.Grant),
		attribute.String("claimsmith.plugin", e.Plugin),
		attribute.String("claimsmith.outcome", string(e.Outcome)),
	)
	if e.Status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, string(e.Outcome))
	}
}
