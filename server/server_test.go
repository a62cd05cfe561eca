package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/claimsmith/claimsmith/server"
	"github.com/claimsmith/claimsmith/server/audit"
)

// lines is a log whose lines a test reads, and that can be full.
type lines struct {
	mu   sync.Mutex
	b    bytes.Buffer
	full atomic.Bool
}

func (l *lines) Write(p []byte) (int, error) {
	if l.full.Load() {
		return 0, errors.New("no space left on device")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// last returns the last event.
func (l *lines) last(t *testing.T) map[string]any {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	all := bytes.Split(bytes.TrimSpace(l.b.Bytes()), []byte("\n"))
	var event map[string]any
	if err := json.Unmarshal(all[len(all)-1], &event); err != nil {
		t.Fatal(err)
	}
	return event
}

// endpoint is an endpoint of a test.
type endpoint struct {
	pattern string
	serve   http.HandlerFunc
}

func (e endpoint) Mount(mux *http.ServeMux) { mux.HandleFunc(e.pattern, e.serve) }

// login answers as a token endpoint does.
func login(w http.ResponseWriter, r *http.Request) {
	event := audit.FromContext(r.Context())
	event.Route, event.Issuer, event.Client, event.Outcome = "token", "main", "portal", audit.OK
	w.Header().Set("Set-Cookie", "secret")
	io.WriteString(w, `{"access_token":"secret"}`)
}

func newServer(l *lines, change ...func(*server.Config)) *server.Server {
	c := server.Config{
		Site:    server.Site{Endpoints: []server.Mounter{endpoint{"/token", login}}},
		Metrics: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler),
		Audit: audit.New(audit.Config{Lines: slog.NewJSONHandler(l, nil)}),
	}
	for _, f := range change {
		f(&c)
	}
	s, err := server.New(c)
	if err != nil {
		panic(err)
	}
	return s
}

func ask(s *server.Server, method string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/token", nil)
	for i := 0; i < len(header); i += 2 {
		if header[i] == "From" {
			r.RemoteAddr = header[i+1]
			continue
		}
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

// RFC 9700 section 4.12: a redirect with 307 would have the caller send its
// credentials once more.
func TestNoRequestIsRedirected(t *testing.T) {
	s := newServer(new(lines))
	for _, path := range []string{"//token", "/./token", "/x/../token", "/token/", "/token//", "/x//token?secret"} {
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "http://login.example.com"+path, strings.NewReader("password=secret")))
		if w.Code != http.StatusNotFound || w.Header().Get("Location") != "" {
			t.Errorf("%s: status %d, header %v", path, w.Code, w.Header())
		}
	}
}

func TestWhoCalls(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:ffff::/48")}
	const f = "X-Forwarded-For"
	for _, tt := range []struct {
		name   string
		want   string
		header []string
	}{
		{"nobody between", "192.0.2.1", []string{"From", "192.0.2.1:5"}},
		{"a stranger's word", "192.0.2.1", []string{"From", "192.0.2.1:5", f, "203.0.113.9"}},
		{"a proxy", "203.0.113.9", []string{"From", "10.1.1.1:5", f, "203.0.113.9"}},
		{"what the caller wrote itself", "203.0.113.9", []string{"From", "10.1.1.1:5", f, "198.51.100.1, 203.0.113.9"}},
		{"two proxies", "203.0.113.9", []string{"From", "10.1.1.1:5", f, "1.1.1.1, 203.0.113.9, 10.2.2.2"}},
		{"two headers", "203.0.113.9", []string{"From", "10.1.1.1:5", f, "203.0.113.9", f, "10.2.2.2"}},
		{"proxies all the way", "10.3.3.3", []string{"From", "10.1.1.1:5", f, "10.3.3.3, 10.2.2.2"}},
		{"no header", "10.1.1.1", []string{"From", "10.1.1.1:5"}},
		{"rubbish", "10.1.1.1", []string{"From", "10.1.1.1:5", f, "203.0.113.9, unknown"}},
		{"rubbish further left", "203.0.113.9", []string{"From", "10.1.1.1:5", f, "<script>, 203.0.113.9"}},
		{"with a port", "203.0.113.9", []string{"From", "10.1.1.1:5", f, "203.0.113.9:4711"}},
		{"IPv6", "2001:db8::9", []string{"From", "[2001:db8:ffff::1]:5", f, "[2001:db8::9]:4711"}},
		{"IPv6 without a port", "2001:db8::9", []string{"From", "[2001:db8:ffff::1]:5", f, "2001:db8::9"}},
		{"IPv4 in IPv6", "203.0.113.9", []string{"From", "[::ffff:10.1.1.1]:5", f, "::ffff:203.0.113.9"}},
	} {
		l := new(lines)
		ask(newServer(l, func(c *server.Config) { c.Site.TrustedProxies = proxies }), http.MethodPost, tt.header...)
		if got := l.last(t)["remote"]; got != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, got, tt.want)
		}
	}
}

func TestARequiredLogThatIsFullRefusesLogins(t *testing.T) {
	l := new(lines)
	var served atomic.Int32
	s := newServer(l, func(c *server.Config) {
		c.Audit = audit.New(audit.Config{Lines: slog.NewJSONHandler(l, nil), Required: true})
		c.Site.Endpoints = []server.Mounter{endpoint{"/token", func(w http.ResponseWriter, r *http.Request) {
			served.Add(1)
			login(w, r)
		}}}
	})
	if w := ask(s, http.MethodPost); w.Code != http.StatusOK || w.Body.Len() == 0 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	l.full.Store(true)
	for i := range 3 {
		w := ask(s, http.MethodPost)
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String()+fmt.Sprint(w.Header()), "secret") {
			t.Errorf("login %d: %d %s %v", i, w.Code, w.Body, w.Header())
		}
	}
	if n := served.Load(); n != 2 {
		t.Errorf("%d logins were served, want the one before and the one that found out", n)
	}
	if w := ask(s, http.MethodGet); w.Code != http.StatusOK {
		t.Errorf("a GET: %d", w.Code)
	}
	ready := httptest.NewRecorder()
	s.AdminHandler().ServeHTTP(ready, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	if ready.Code != http.StatusServiceUnavailable || !strings.Contains(ready.Body.String(), `"events":"write event: no space`) {
		t.Errorf("readiness: %d %s", ready.Code, ready.Body)
	}
	l.full.Store(false)
	if ask(s, http.MethodPost); s.Audit.Refuses() {
		t.Error("it does not notice that there is space again")
	}
	if w := ask(s, http.MethodPost); w.Code != http.StatusOK {
		t.Errorf("afterwards: %d %s", w.Code, w.Body)
	}
}

func TestALogThatIsNotRequiredHindersNobody(t *testing.T) {
	l := new(lines)
	l.full.Store(true)
	s := newServer(l)
	for range 2 {
		if w := ask(s, http.MethodPost); w.Code != http.StatusOK {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
}

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestTraces(t *testing.T) {
	l := new(lines)
	ask(newServer(l), http.MethodPost, "Traceparent", traceparent)
	if got := l.last(t)["trace_id"]; got != "0af7651916cd43dd8448eb211c80319c" {
		t.Errorf("the caller's trace without traces of ours: %v", got)
	}
	ask(newServer(l), http.MethodPost)
	if got := l.last(t)["trace_id"]; got != nil {
		t.Errorf("no trace at all: %v", got)
	}
	spans := tracetest.NewInMemoryExporter()
	s := newServer(l, func(c *server.Config) { c.Traces = sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans)) })
	ask(s, http.MethodPost, "Traceparent", traceparent)
	ask(s, http.MethodPost)
	got := spans.GetSpans()
	if len(got) != 2 || got[0].Name != "POST token" || got[0].Parent.SpanID().String() != "b7ad6b7169203331" {
		t.Fatalf("spans: %+v", got)
	}
	if id := l.last(t)["trace_id"]; id != got[1].SpanContext.TraceID().String() {
		t.Errorf("trace %v in the event, %v in the span", id, got[1].SpanContext.TraceID())
	}
}

func TestAPanicEndsItsOwnRequestOnly(t *testing.T) {
	l := new(lines)
	s := newServer(l, func(c *server.Config) {
		c.Site.Endpoints = []server.Mounter{endpoint{"/token", func(http.ResponseWriter, *http.Request) { panic("a bug") }}}
	})
	if w := ask(s, http.MethodPost); w.Code != http.StatusInternalServerError || l.last(t)["outcome"] != "internal" {
		t.Errorf("%d %v", w.Code, l.last(t))
	}
}

func TestAnotherSiteTakesOverBetweenTwoRequests(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	site := func(name string, proxies ...netip.Prefix) server.Site {
		return server.Site{TrustedProxies: proxies, Endpoints: []server.Mounter{endpoint{"/token", func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Slow") != "" {
				close(entered)
				<-release
			}
			io.WriteString(w, name)
		}}}}
	}
	s := newServer(new(lines), func(c *server.Config) { c.Site = site("old") })
	var group sync.WaitGroup
	var slow string
	group.Go(func() { slow = ask(s, http.MethodPost, "Slow", "yes").Body.String() })
	<-entered
	var wrong atomic.Int32
	stop := make(chan struct{})
	for range 4 {
		group.Go(func() {
			for seen := ""; ; {
				select {
				case <-stop:
					return
				default:
				}
				w := ask(s, http.MethodPost)
				if got := w.Body.String(); w.Code != http.StatusOK || seen == "new" && got != "new" {
					wrong.Add(1)
				} else {
					seen = got
				}
			}
		})
	}
	for ask(s, http.MethodPost).Body.String() != "old" {
	}
	ended, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	drained, err := s.Use(site("new"))
	if err != nil {
		t.Fatal(err)
	}
	if err := drained(ended); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it does not wait for a request: %v", err)
	}
	close(release)
	if err := drained(t.Context()); err != nil {
		t.Error(err)
	}
	twice := site("twice")
	twice.Endpoints = append(twice.Endpoints, twice.Endpoints...)
	if _, err := s.Use(twice); err == nil || ask(s, http.MethodPost).Body.String() != "new" {
		t.Errorf("a site that cannot be mounted: %v", err)
	}
	close(stop)
	group.Wait()
	if diff := cmp.Diff([]any{"old", int32(0)}, []any{slow, wrong.Load()}); diff != "" {
		t.Errorf("slow answer and wrong answers (-want +got):\n%s", diff)
	}
}

// nowhere is a response writer that costs nothing.
type nowhere struct{ h http.Header }

func (n nowhere) Header() http.Header         { return n.h }
func (n nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (n nowhere) WriteHeader(int)             {}

func BenchmarkObserve(b *testing.B) {
	s, err := server.New(server.Config{
		Site:    server.Site{Endpoints: []server.Mounter{endpoint{"/token", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }}}},
		Metrics: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler), Audit: audit.New(audit.Config{Lines: slog.DiscardHandler}),
	})
	if err != nil {
		b.Fatal(err)
	}
	h := s.Handler()
	r := httptest.NewRequest(http.MethodPost, "/token", nil)
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(nowhere{http.Header{}}, r)
	}
}
