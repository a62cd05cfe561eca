package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/internal/servertest"
	"github.com/claimsmith/claimsmith/jwks/verify"
)

// long reports whether tests shall take the time that their figures in
// docs/operations.md are from.
func long() bool { return os.Getenv("CLAIMSMITH_TEST_LONG") == "1" }

// fast has a key signed with for 2 s.
const fast = `
    access_token: {lifetime: 5s}
    keys: {rotate_every: 2s, announce: 1500ms, jwks_max_age: 1s, skew: 100ms, retain: 10s}
    clients:
      - {id: load, secret: {file: load.secret}, grants: [client_credentials]}
`

const apiAudience = "https://api.example.com"

// newRotatingSite makes the directory of an issuer at an address, which needs no
// plugins; more is YAML for it.
func newRotatingSite(t testing.TB, listen, storage, more string) string {
	t.Helper()
	dir := t.TempDir()
	key := make([]byte, 32)
	rand.Read(key)
	writeFile(t, dir, "master.key", base64.StdEncoding.EncodeToString(key)+"\n")
	writeFile(t, dir, "load.secret", "the secret of the load\n")
	if storage == "" {
		storage = "sqlite:claimsmith.db"
	}
	writeFile(t, dir, "claimsmith.yaml", fmt.Sprintf(`
storage: {url: %q}
master_keys: [{id: test, key: {file: master.key}}]
issuers:
  - url: http://%s
    audience: [%s]
%s`, storage, listen, apiAudience, more))
	return dir
}

// No service may reject a token, however often keys rotate: services that cache
// the key set as they are told, and ask again for a key that they do not know.
func TestNoTokenIsRejectedWhileKeysRotate(t *testing.T) {
	t.Run("one server", func(t *testing.T) {
		listen := freeAddress(t)
		dir := newRotatingSite(t, listen, "", fast)
		p := start(t, dir, listen)
		l := newRelyingLoad(t, p)
		l.run(t, func(ctx context.Context) { <-ctx.Done() })
	})
	t.Run("three replicas, one restarted at random", func(t *testing.T) {
		front := newFront(t)
		dir := newRotatingSite(t, front.address, servertest.PostgreSQL(t), fast)
		replicas := make([]*program, len(front.replicas))
		for i, address := range front.replicas {
			replicas[i] = start(t, dir, address)
		}
		p := *replicas[0]
		p.URL = "http://" + front.address
		l := newRelyingLoad(t, &p)
		restarts := 0
		l.run(t, func(ctx context.Context) {
			for ctx.Err() == nil {
				i := mathrand.IntN(len(replicas))
				replicas[i].stop()
				replicas[i] = start(t, dir, front.replicas[i])
				restarts++
			}
		})
		t.Logf("%d restarts", restarts)
	})
}

// relyingLoad gets tokens and has each verified by several services.
type relyingLoad struct {
	issuer   *program
	services map[string]func(ctx context.Context, token string) error
	issued   atomic.Int64
	verified atomic.Int64
	later    sync.WaitGroup
}

func newRelyingLoad(t *testing.T, p *program) *relyingLoad {
	t.Helper()
	v, err := verify.New(verify.Config{Issuer: p.URL, Audience: []string{apiAudience}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	others := startVerifiers(t, p.URL)
	return &relyingLoad{issuer: p, services: map[string]func(context.Context, string) error{
		"jwks/verify":  func(ctx context.Context, token string) error { _, err := v.Verify(ctx, token); return err },
		"relying-go":   bearer(startRelyingGo(t, p.URL)),
		"relying-node": bearer(startRelyingNode(t, p.URL)),
		"keyfunc":      bearer(others + "/keyfunc"),
		"go-oidc":      bearer(others + "/go-oidc"),
	}}
}

// run keeps up the load while meanwhile does something: for 15 s, or for a
// minute where there is time.
func (l *relyingLoad) run(t *testing.T, meanwhile func(ctx context.Context)) {
	t.Helper()
	d := 15 * time.Second
	if long() {
		d = time.Minute
	}
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	keys := newKidSet()
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			for ctx.Err() == nil && !t.Failed() {
				l.once(t, keys)
			}
		})
	}
	meanwhile(ctx)
	group.Wait()
	l.later.Wait()
	t.Logf("%d tokens of %d keys in %s, %d verifications, none rejected: %v", l.issued.Load(), keys.len(), d, l.verified.Load(), !t.Failed())
	if want := int(d / (10 * time.Second)); keys.len() < want {
		t.Errorf("%d keys signed in %s, want at least %d", keys.len(), d, want)
	}
}

// once has a token verified when it is new, and again when it is about to expire.
func (l *relyingLoad) once(t *testing.T, keys *kidSet) {
	r, err := l.issuer.tryToken(t.Context(), "load", "the secret of the load", "grant_type=client_credentials")
	if err != nil || r.Status != http.StatusOK {
		t.Errorf("no token: %+v, %v", r, err)
		return
	}
	l.issued.Add(1)
	keys.add(kidOf(t, r.AccessToken))
	l.verify(t, "new", r.AccessToken)
	if l.issued.Load()%20 == 0 {
		l.later.Go(func() {
			time.Sleep(3 * time.Second)
			l.verify(t, "3 s old", r.AccessToken)
		})
	}
}

func (l *relyingLoad) verify(t *testing.T, age, token string) {
	for name, verify := range l.services {
		if err := verify(t.Context(), token); err != nil {
			t.Errorf("%s: %s rejects a token that is %s: %v", time.Now().Format(time.StampMilli), name, age, err)
		}
		l.verified.Add(1)
	}
}

// front hands requests to replicas in turn, as a load balancer does: to the next
// one where one gives no answer because it is ending.
type front struct {
	address   string
	replicas  []string
	next      atomic.Uint32
	transport http.RoundTripper
}

func newFront(t testing.TB) *front {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &front{
		address: l.Addr().String(), replicas: []string{freeAddress(t), freeAddress(t), freeAddress(t)},
		transport: &http.Transport{DisableKeepAlives: true},
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: "replica"})
			r.Out.Host = r.In.Host
		},
		Transport: f,
		ErrorLog:  slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo),
	}
	server := &http.Server{Handler: proxy, ReadHeaderTimeout: 5 * time.Second}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return f
}

// RoundTrip implements http.RoundTripper.
func (f *front) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	var body []byte
	if r.Body != nil {
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	first := f.next.Add(1)
	for i := range uint32(len(f.replicas)) {
		r.URL.Host = f.replicas[(first+i)%uint32(len(f.replicas))]
		r.Body = io.NopCloser(bytes.NewReader(body))
		if resp, err = f.transport.RoundTrip(r); err == nil {
			return resp, nil
		}
	}
	return nil, err
}
