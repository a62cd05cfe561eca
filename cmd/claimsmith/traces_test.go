package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/trace"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// newCollector returns the URL of an OTLP collector, and the spans that it got.
func newCollector(t *testing.T) (string, func() []*tracepb.Span) {
	var mu sync.Mutex
	var spans []*tracepb.Span
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var request collectorpb.ExportTraceServiceRequest
		if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &request) != nil {
			http.Error(w, "not a trace", http.StatusBadRequest)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		for _, of := range request.ResourceSpans {
			for _, in := range of.ScopeSpans {
				spans = append(spans, in.Spans...)
			}
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, func() []*tracepb.Span {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(spans)
	}
}

func TestATraceGoesFromTheRequestToThePlugin(t *testing.T) {
	collector, spans := newCollector(t)
	listen := freeAddress(t)
	dir := newSite(t, listen, "", "tracing: {endpoint: \""+collector+"\"}\n")
	secrets := populate(t, dir)
	p := start(t, dir, listen)
	p.token("portal", secrets.client, "grant_type=password", "username=alice", "password="+secrets.password)
	p.stop() // sends what is left
	byName, byID := map[string]*tracepb.Span{}, map[string]*tracepb.Span{}
	for _, s := range spans() {
		byName[s.Name], byID[string(s.SpanId)] = s, s
	}
	request, plugin := byName["POST token"], byName["plugin people"]
	if request == nil || plugin == nil {
		t.Fatalf("spans: %v", byName)
	}
	top := plugin
	for byID[string(top.ParentSpanId)] != nil {
		top = byID[string(top.ParentSpanId)]
	}
	if top != request {
		t.Errorf("the plugin's span is not below the request's: %v, %v", plugin, request)
	}
}

// told is a plugin that remembers what trace it was told.
type told struct{ traceparent []string }

func (p *told) Authenticate(ctx context.Context, _ sdk.Request) (sdk.Identity, error) {
	p.traceparent = metadata.ValueFromIncomingContext(ctx, "traceparent")
	return sdk.Identity{Subject: "alice"}, nil
}

func TestAPluginIsToldTheTrace(t *testing.T) {
	plugin := new(told)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := sdk.NewServer(plugin)
	defer server.Stop()
	go server.Serve(listener)
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	client, err := sdk.NewClient(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	caller := trace.ContextWithRemoteSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled, Remote: true,
	}))
	ctx, span := tracePlugin(caller, "people", "authenticate")
	defer span.End()
	if _, err := client.Authenticate(ctx, sdk.Request{Credential: sdk.Credential{Kind: sdk.APIKey, Secret: "key"}}); err != nil {
		t.Fatal(err)
	}
	want := "00-01000000000000000000000000000000-0200000000000000-01"
	if !slices.Equal(plugin.traceparent, []string{want}) {
		t.Errorf("traceparent %q, want %q", plugin.traceparent, want)
	}
}
