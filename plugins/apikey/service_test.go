package apikey_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/plugins/apikey"
	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
)

const knownKey = "live_1f0c2d9b4a48d67e"

// robotAnswer has every member that an answer can have.
const robotAnswer = `{"key_id": "k-1", "key_name": "nightly export", "subject": "robot-1", "username": "robot", "name": "Export robot",
	"email": "robot@acme.example", "organisation": "Acme", "default_unit": "north", "units": ["north", "south"],
	"groups": ["robots"], "roles": ["reader"], "scopes": ["read"], "audience": ["https://api.example"],
	"sources": ["192.0.2.0/24", "2001:db8::1"], "expires": "2099-12-31T23:59:59Z", "claims": {"level": 9007199254740993, "tags": ["a", 0.5]}}`

// keyService is a service as docs/plugins.md asks for it.
func keyService(w http.ResponseWriter, r *http.Request) {
	var q struct {
		APIKey string `json:"api_key"`
		Lookup string `json:"lookup"`
	}
	if json.NewDecoder(r.Body).Decode(&q) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if q.APIKey == knownKey || q.Lookup == "k-1" || q.Lookup == "robot-1" {
		io.WriteString(w, robotAnswer)
		return
	}
	w.WriteHeader(http.StatusNotFound)
}

// asking returns a plugin that asks a server, and what it was configured with.
func asking(t testing.TB, server *httptest.Server, config map[string]any) *apikey.Plugin {
	t.Helper()
	p := apikey.New()
	if err := p.Configure(t.Context(), serviceConfig(t, server, config)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func serviceConfig(t testing.TB, server *httptest.Server, config map[string]any) json.RawMessage {
	t.Helper()
	all := map[string]any{"verify_url": server.URL + "/verify?tenant=7", "cache": "0s", "cache_refused": "0s"}
	if c := server.Certificate(); c != nil {
		all["ca"] = filepath.Join(t.TempDir(), "ca.pem")
		writePEM(t, all["ca"].(string), "CERTIFICATE", c.Raw)
	}
	for name, value := range config {
		all[name] = value
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func writePEM(t testing.TB, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// clientCertificate writes a certificate to files; it is the one of httptest's servers.
func clientCertificate(t testing.TB, server *httptest.Server) (certificate, key string) {
	t.Helper()
	dir := t.TempDir()
	certificate, key = filepath.Join(dir, "client.pem"), filepath.Join(dir, "client.key")
	pair := server.TLS.Certificates[0]
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, certificate, "CERTIFICATE", pair.Certificate[0])
	writePEM(t, key, "PRIVATE KEY", der)
	return certificate, key
}

func TestServiceContract(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer token-of-ours" {
			w.Header().Set("WWW-Authenticate", "Bearer")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		recorder := httptest.NewRecorder()
		keyService(recorder, r)
		w.WriteHeader(recorder.Code)
		io.WriteString(w, strings.Replace(recorder.Body.String(), `"sources": ["192.0.2.0/24", "2001:db8::1"], `, "", 1))
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	certificate, key := clientCertificate(t, server)
	sdktest.Run(t, sdktest.Plugin{
		New: func() sdk.Authenticator {
			p := apikey.New()
			t.Cleanup(func() { p.Close() })
			return p
		},
		Config: serviceConfig(t, server, map[string]any{
			"bearer_token": "token-of-ours", "client_certificate": certificate, "client_key": key, "cache": "10s",
		}),
		BadConfig:  json.RawMessage(`{"verify_url": "http://keys.example.com/"}`),
		APIKey:     knownKey,
		Attributes: map[string]string{"unit": "south"},
	})
}

func TestIdentityByAService(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(keyService))
	t.Cleanup(server.Close)
	p := asking(t, server, nil)
	want := sdk.Identity{
		Subject: "robot-1", Username: "robot", Name: "Export robot", Email: "robot@acme.example", Organisation: "Acme",
		Unit: "south", Units: []string{"north", "south"}, Groups: []string{"robots"}, Roles: []string{"reader"},
		Scopes: []string{"read"}, Audience: []string{"https://api.example"}, Expires: time.Date(2099, 12, 31, 23, 59, 59, 0, time.UTC),
		Claims: map[string]any{
			"level": int64(9007199254740993), "tags": []any{"a", 0.5}, "api_key_id": "k-1", "api_key_name": "nightly export",
		},
	}
	got, err := p.Authenticate(t.Context(), request(knownKey, "192.0.2.1", "south"))
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("identity: %v (-want +got):\n%s", err, diff)
	}
	refreshed, err := p.Refresh(t.Context(), want)
	if diff := cmp.Diff(want, refreshed); err != nil || diff != "" {
		t.Errorf("Refresh: %v (-want +got):\n%s", err, diff)
	}
	for name, c := range map[string]struct {
		key, from, unit, want string
	}{
		"from one address":  {knownKey, "2001:db8::1", "", "ok"},
		"from outside":      {knownKey, "198.51.100.1", "", "disabled"},
		"not its unit":      {knownKey, "192.0.2.1", "west", "invalid"},
		"unknown":           {"live_guess", "192.0.2.1", "", "unknown"},
		"not UTF-8":         {knownKey + "\xff", "192.0.2.1", "", "unknown"},
		"as one of ours is": {"csk_short", "192.0.2.1", "", "unknown"},
	} {
		if _, err := p.Authenticate(t.Context(), request(sdk.Secret(c.key), c.from, c.unit)); outcome(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	other := want
	other.Claims = map[string]any{"api_key_id": "robot-1"} // found by another name than its ID
	if _, err := p.Refresh(t.Context(), other); outcome(err) != "unknown" {
		t.Errorf("Refresh by a name that is no key's ID: %v", err)
	}
}

// The key goes into the body and nowhere else, and our credential into its header.
func TestQuestionToAService(t *testing.T) {
	var method, uri, body string
	var header http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		method, uri, body, header = r.Method, r.RequestURI, string(b), r.Header
		keyService(w, &http.Request{Body: io.NopCloser(bytes.NewReader(b))})
	}))
	t.Cleanup(server.Close)
	for want, config := range map[string]map[string]any{
		"":                           nil,
		"Bearer token-of-ours":       {"bearer_token": "token-of-ours"},
		"Basic dXM6cGFzc3dvcmQgb28=": {"username": "us", "password": "password oo"},
	} {
		p := asking(t, server, config)
		if _, err := p.Authenticate(t.Context(), request(knownKey, "192.0.2.1", "")); err != nil {
			t.Fatal(err)
		}
		if method != "POST" || uri != "/verify?tenant=7" || body != `{"api_key":"`+knownKey+`"}` {
			t.Errorf("%s %s\n%s", method, uri, body)
		}
		if header.Get("Authorization") != want || header.Get("Content-Type") != "application/json" || strings.Contains(fmt.Sprint(header), knownKey) {
			t.Errorf("header %v", header)
		}
		if _, err := p.Lookup(t.Context(), "robot-1"); err != nil || body != `{"lookup":"robot-1"}` {
			t.Errorf("Lookup: %v\n%s", err, body)
		}
	}
}

func TestConnectionsToAServiceAreKept(t *testing.T) {
	var connections atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		keyService(w, r)
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	p := asking(t, server, nil)
	for n := range 50 {
		key, want := knownKey, "ok"
		if n%2 == 1 {
			key, want = "live_guess", "unknown"
		}
		if _, err := p.Authenticate(t.Context(), request(sdk.Secret(key), "192.0.2.1", "")); outcome(err) != want {
			t.Fatal(err)
		}
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("50 questions took %d connections", n)
	}
}

// outage is an answer that is none; told is what its error says.
func outage(t *testing.T, p *apikey.Plugin, told string) *sdk.UnavailableError {
	t.Helper()
	_, err := p.Authenticate(t.Context(), request(knownKey, "192.0.2.1", ""))
	e, ok := errors.AsType[*sdk.UnavailableError](err)
	if !ok || !strings.Contains(err.Error(), told) {
		t.Fatalf("%v, want unavailable: %s", err, told)
	}
	return e
}

func TestAnswersOfAService(t *testing.T) {
	var status int
	var body string
	header := http.Header{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	p := asking(t, server, nil)
	for _, c := range []struct {
		status int
		body   string
		header string
		want   string // an outcome, or what the error says
	}{
		{200, `{"subject": "x"}`, "", "ok"},
		{200, `{"subject": "x", "expires": "2020-01-01T00:00:00Z"}`, "", "expired"},
		{200, `{"subject": "x", "sources": []}`, "", "disabled"},
		{200, `{"subject": "x", "scopes": null, "claims": null}`, "", "ok"},
		{404, ``, "", "unknown"},
		{404, `<h1>Not Found</h1>`, "", "unknown"},
		{401, ``, "", "invalid"},
		{403, `{}`, "", "invalid"},
		{403, `{"reason": "expired"}`, "", "expired"},
		{403, `{"reason": "locked"}`, "", "locked"},
		{403, `{"reason": "whim"}`, "", "none of invalid, locked"},
		{403, `<h1>Blocked by the firewall</h1>`, "", "invalid character"},
		{401, ``, "WWW-Authenticate: Bearer", "does not take our credential"},
		{429, ``, "Retry-After: 7", "too many questions"},
		{500, `{"subject": "x"}`, "", "answers 500"},
		{503, ``, "Retry-After: 7", "answers 503"},
		{204, ``, "", "answers 204"},
		{302, ``, "Location: /elsewhere", "redirect"},
		{200, ``, "", "EOF"},
		{200, `[]`, "", "no JSON object"},
		{200, `{}`, "", "subject is empty"},
		{200, `{"subject": "x"} {}`, "", "more than one JSON value"},
		{200, `{"subject": "x", "expire": "2020-01-01T00:00:00Z"}`, "", `unknown field "expire"`},
		{200, `{"subject": "x", "Expires": "2020-01-01T00:00:00Z"}`, "", `unknown field "Expires"`},
		{200, `{"subject": "x", "scopes": ["read"], "scopes": null}`, "", `"scopes" is there twice`},
		{200, `{"subject": "x", "expires": 1577836800}`, "", "Time"},
		{200, `{"subject": "x", "sources": ["everywhere"]}`, "", "sources"},
		{200, `{"subject": "x", "claims": []}`, "", "claims"},
		{200, `{"subject": "x", "claims": {"a": ` + strings.Repeat("[", 99) + strings.Repeat("]", 99) + `}}`, "", "nested deeper than 32"},
		{200, "{\"subject\": \"x\xff\"}", "", "not UTF-8"},
		{200, `{"subject": "x\u0000"}`, "", "holds a NUL"},
		{200, `{"subject": "x", "name": "` + strings.Repeat("x", 64<<10) + `"}`, "", "longer than 65536 bytes"},
		{200, `{"subject": "x"}`, "X-Big: " + strings.Repeat("x", 32<<10), "exceeded"},
	} {
		status, body, header = c.status, c.body, http.Header{}
		if name, value, ok := strings.Cut(c.header, ": "); ok {
			header.Set(name, value)
		}
		_, err := p.Authenticate(t.Context(), request(knownKey, "192.0.2.1", ""))
		if outcome(err) == c.want {
			continue
		}
		e, ok := errors.AsType[*sdk.UnavailableError](err)
		if !ok || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d %s: %v, want %s", c.status, c.body[:min(len(c.body), 60)], err, c.want)
		} else if strings.HasPrefix(c.header, "Retry-After") && e.RetryAfter != 7*time.Second {
			t.Errorf("%d: to be tried again after %v", c.status, e.RetryAfter)
		}
	}
}

// A service that is led astray, or hangs, costs a bounded time and hears of no key.
func TestServicesThatFail(t *testing.T) {
	done := make(chan struct{})
	t.Cleanup(func() { close(done) })
	silent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/drip" {
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
		}
		select {
		case <-done:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(silent.CloseClientConnections)
	gone := httptest.NewServer(nil)
	gone.Close()
	var strayed atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strayed.Add(1) }))
	t.Cleanup(elsewhere.Close)
	redirecting := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	t.Cleanup(redirecting.Close)
	private := httptest.NewTLSServer(http.HandlerFunc(keyService))
	t.Cleanup(private.Close)
	strict := httptest.NewUnstartedServer(http.HandlerFunc(keyService))
	strict.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	strict.StartTLS()
	t.Cleanup(strict.Close)

	for name, c := range map[string]struct {
		server *httptest.Server
		config map[string]any
		told   string
	}{
		"silent":                {silent, map[string]any{"timeout": "50ms"}, "deadline exceeded"},
		"silent in its body":    {silent, map[string]any{"timeout": "50ms", "verify_url": silent.URL + "/drip"}, "deadline exceeded"},
		"gone":                  {gone, nil, "refused"},
		"redirects":             {redirecting, nil, "redirect (307)"},
		"of another CA":         {private, map[string]any{"ca": ""}, "certificate"},
		"of another name":       {private, map[string]any{"verify_url": strings.Replace(private.URL, "127.0.0.1", "localhost", 1)}, "not localhost"},
		"wants a certificate":   {strict, nil, "tls: "},
		"is not there, by HTTP": {gone, map[string]any{"verify_url": "https" + strings.TrimPrefix(gone.URL, "http")}, "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			if e := outage(t, asking(t, c.server, c.config), c.told); strings.Contains(e.Error(), "tenant=7") {
				t.Errorf("the error holds the URL: %v", e)
			}
		})
	}
	if n := strayed.Load(); n != 0 {
		t.Errorf("a redirect was followed %d times", n)
	}
}

// Neither the key nor our credential is in an error or a log, though the
// service repeats both wherever it can.
func TestSecretsOfAServiceStaySecret(t *testing.T) {
	var status int
	var quoted bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, credential, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		text := knownKey + credential + "hunter22"
		w.Header().Set("X-Echo", text)
		w.Header().Set("Location", "https://k.example/"+text)
		w.WriteHeader(status)
		if quoted {
			fmt.Fprintf(w, `{%q: 1}`, text)
		} else {
			io.WriteString(w, text)
		}
	}))
	t.Cleanup(server.Close)
	var log bytes.Buffer
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	for _, config := range []map[string]any{
		{"bearer_token": "hunter22"}, {"username": "us", "password": "hunter22"}, {"bearer_token": "hunter22", "stale_if_error": "1m"},
	} {
		p := asking(t, server, config)
		for _, status = range []int{200, 302, 401, 403, 429, 500} {
			for _, quoted = range []bool{false, true} {
				_, err := p.Authenticate(t.Context(), request(knownKey, "192.0.2.1", ""))
				for _, secret := range []string{knownKey, "hunter22", "dXM6aHVudGVyMjI="} {
					if err == nil || strings.Contains(err.Error()+log.String(), secret) {
						t.Errorf("%d: the error or the log holds a secret: %v", status, err)
					}
				}
			}
		}
	}
}
