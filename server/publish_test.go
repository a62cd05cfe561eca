package server_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/claimsmith/claimsmith/server"
	"github.com/claimsmith/claimsmith/server/audit"
)

// notice is a page, mounted too.
type notice struct{ serve http.HandlerFunc }

func (n notice) Mount(mux *http.ServeMux) {
	mux.HandleFunc("/notice", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "mounted", http.StatusMethodNotAllowed) })
}

func (n notice) Publish(page func(path, issuer, route string, h http.Handler)) {
	page("/notice", "main", "notice", n.serve)
}

func read(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "read") }

// published returns a server with a page, and a log that takes every event.
func published(page http.HandlerFunc, change ...func(*server.Config)) (*server.Server, *lines, *prometheus.Registry) {
	l, registry := new(lines), prometheus.NewRegistry()
	s := newServer(l, append(change, func(c *server.Config) {
		c.Site.Endpoints = []server.Mounter{notice{page}}
		c.Metrics = registry
		c.Audit = audit.New(audit.Config{Lines: slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}), Required: true})
	})...)
	return s, l, registry
}

func get(s *server.Server, method string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/notice", nil)
	r.RemoteAddr = "192.0.2.1:5"
	r.Header = header
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

func TestAPageIsObservedLikeAnyRequest(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	s, l, registry := published(read, func(c *server.Config) { c.Traces = sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans)) })
	w := get(s, http.MethodGet, http.Header{"User-Agent": {"curl/8"}, "Traceparent": {traceparent}})
	event := l.last(t)
	if id := w.Header().Get("X-Request-Id"); w.Body.String() != "read" || id == "" || id != event["request_id"] {
		t.Errorf("%s, request %q, event %v", w.Body, id, event["request_id"])
	}
	for _, name := range []string{"time", "msg", "request_id", "ms"} {
		delete(event, name)
	}
	want := map[string]any{
		"level": "DEBUG", "issuer": "main", "route": "notice", "outcome": "ok", "remote": "192.0.2.1", "user_agent": "curl/8",
		"status": 200.0, "trace_id": "0af7651916cd43dd8448eb211c80319c",
	}
	if diff := cmp.Diff(want, event); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	if got := spans.GetSpans(); len(got) != 1 || got[0].Name != "GET notice" || got[0].Parent.SpanID().String() != "b7ad6b7169203331" {
		t.Errorf("spans: %+v", got)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		m := f.Metric[0]
		if n := m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount()) + m.GetGauge().GetValue(); f.GetName() != "claimsmith_requests_in_flight" && n != 1 {
			t.Errorf("%s is %v, want 1", f.GetName(), n)
		}
	}
}

func TestWhoServesThePathOfAPage(t *testing.T) {
	s, l, _ := published(read)
	for method, want := range map[string]int{
		http.MethodGet: http.StatusOK, http.MethodHead: http.StatusOK, http.MethodPost: http.StatusMethodNotAllowed, http.MethodOptions: http.StatusMethodNotAllowed,
	} {
		if w := get(s, method, nil); w.Code != want {
			t.Errorf("%s: %d, want %d", method, w.Code, want)
		}
	}
	l.full.Store(true) // who proves nothing needs no event
	if w := get(s, http.MethodGet, nil); w.Code != http.StatusOK {
		t.Errorf("while the log is full: %d", w.Code)
	}
}

func TestAPageThatPanics(t *testing.T) {
	s, l, _ := published(func(http.ResponseWriter, *http.Request) { panic("a bug") })
	if w := get(s, http.MethodGet, nil); w.Code != http.StatusInternalServerError || l.last(t)["outcome"] != "internal" {
		t.Errorf("%d %v", w.Code, l.last(t))
	}
}

func BenchmarkPublish(b *testing.B) {
	s, _, _ := published(read, func(c *server.Config) {})
	s.Audit = audit.New(audit.Config{Lines: slog.DiscardHandler})
	h := s.Handler()
	r := httptest.NewRequest(http.MethodGet, "/notice", nil)
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(nowhere{http.Header{}}, r)
	}
}
