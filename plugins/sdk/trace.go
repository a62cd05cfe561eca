package sdk

import (
	"context"
	"encoding/hex"
	"log/slog"
	"strings"

	"google.golang.org/grpc/metadata"
)

// Traceparent returns the W3C Trace Context that a call of a plugin belongs to,
// as a traceparent header has it, and "" where the server traces nothing. ctx is
// that of the call. What is logged with it, as slog.InfoContext does, bears the
// trace's id already. A plugin that makes spans of its own puts them below the
// server's with it:
//
//	carrier := propagation.MapCarrier{"traceparent": sdk.Traceparent(ctx)}
//	ctx, span := tracer.Start(propagation.TraceContext{}.Extract(ctx, carrier), "look up")
func Traceparent(ctx context.Context) string {
	values := metadata.ValueFromIncomingContext(ctx, "traceparent")
	if len(values) != 1 || traceID(values[0]) == "" {
		return ""
	}
	return values[0]
}

// traceID returns the id of the trace in a traceparent, "" where it is none.
func traceID(traceparent string) string {
	parts := strings.Split(traceparent, "-")
	if len(parts) != 4 {
		return ""
	}
	for i, size := range []int{1, 16, 8, 1} {
		raw, err := hex.DecodeString(parts[i])
		if err != nil || len(raw) != size {
			return ""
		}
	}
	return parts[1]
}

// traced adds the trace's id to what is logged with the context of a call.
type traced struct{ slog.Handler }

func (h traced) Handle(ctx context.Context, r slog.Record) error {
	if id := traceID(Traceparent(ctx)); id != "" {
		r = r.Clone()
		r.AddAttrs(slog.String("trace_id", id))
	}
	return h.Handler.Handle(ctx, r)
}

func (h traced) WithAttrs(attrs []slog.Attr) slog.Handler { return traced{h.Handler.WithAttrs(attrs)} }
func (h traced) WithGroup(name string) slog.Handler       { return traced{h.Handler.WithGroup(name)} }
