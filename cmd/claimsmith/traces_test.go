package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/trace"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server/oauth"
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
	t.Parallel()
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

// One id leads from the span of a request to its event and to what the plugin's
// process logs of it.
func TestOneTraceIDEverywhere(t *testing.T) {
	t.Parallel()
	collector, spans := newCollector(t)
	listen := freeAddress(t)
	dir := newSite(t, listen, "", "tracing: {endpoint: \""+collector+"\"}\nlog: {format: json}\n")
	secrets := populate(t, dir)
	key := field(t, claimsmith(t, dir, "apikey", "create", "--config", "claimsmith.yaml", "--owner", "far", "--source", "192.0.2.0/24"), "api_key")
	p := start(t, dir, listen)
	if r := p.token("portal", secrets.client, "grant_type="+oauth.GrantAPIKey, "api_key="+key); r.Error != "invalid_grant" {
		t.Fatalf("%+v", r)
	}
	p.stop()
	ids := map[string]string{}
	for line := range strings.Lines(p.log.String()) {
		var record struct {
			Message string `json:"msg"`
			Route   string `json:"route"`
			Trace   string `json:"trace_id"`
		}
		if json.Unmarshal([]byte(line), &record) == nil && record.Trace != "" {
			ids[record.Message] = record.Trace
		}
	}
	for _, s := range spans() {
		ids[s.Name] = hex.EncodeToString(s.TraceId)
	}
	want := ids["POST token"]
	for _, where := range []string{"request", "refused an API key: used from elsewhere", "plugin keys"} {
		if want == "" || ids[where] != want {
			t.Errorf("%s has the trace id %q, the span of the request %q; all: %v", where, ids[where], want, ids)
		}
	}
}

// told is a plugin that remembers what trace it was told.
type told struct{ traceparent string }

func (p *told) Authenticate(ctx context.Context, _ sdk.Request) (sdk.Identity, error) {
	p.traceparent = sdk.Traceparent(ctx)
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
	if plugin.traceparent != want {
		t.Errorf("traceparent %q, want %q", plugin.traceparent, want)
	}
}
