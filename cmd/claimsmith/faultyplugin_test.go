package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"github.com/claimsmith/claimsmith/plugins/host"
)

// faulty builds the plugin of testdata/faulty, in two versions.
var faulty = map[string]func() (string, error){"1": faultyVersion("1"), "2": faultyVersion("2")}

func faultyVersion(v string) func() (string, error) {
	return goBuild("faulty-"+v, ".", "./testdata/faulty", "-ldflags", "-s -w -X main.version="+v+" -buildid="+v)
}

// newFaulty makes an executable of that plugin which is the test's own. Two versions
// have different hashes.
func newFaulty(t testing.TB, version string) (path, hash string) {
	t.Helper()
	built, err := faulty[version]()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(built)
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "faulty-"+version)
	if err := os.WriteFile(path, b, 0o700); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	return path, hex.EncodeToString(sum[:])
}

// partner is the plugin of a site whose configuration a test changes.
type partner struct {
	dir, listen  string
	path, sha256 string
	mark         string
}

// write writes the site's configuration.
func (p partner) write(t testing.TB) {
	t.Helper()
	writeFile(t, p.dir, "claimsmith.yaml", fmt.Sprintf(`
storage: {url: sqlite:claimsmith.db}
master_keys: [{id: test, key: {file: master.key}}]
log: {level: warn}
plugins:
  partner:
    command: [%s]
    sha256: %s
    timeout: 1s
    config: {mark: %q}
issuers:
  - url: http://%s
    chain: [partner]
    audience: [https://api.example.com]
    claims: {pid: '${identity.claims.pid}', mark: '${identity.unit}'}
`, p.path, p.sha256, p.mark, p.listen))
}

// load logs in from 64 callers at once, without a pause, and judges every
// answer. Every eighth login of a caller is with a wrong password.
type load struct {
	p      *program
	keys   jose.JSONWebKeySet
	client string // its secret

	stop  chan struct{}
	group sync.WaitGroup
	seen  chan token // whenever one tells something else than the one before
	last  atomic.Pointer[token]
	past  map[int]bool // processes that have ended

	right, refused, unavailable, wrong atomic.Int64
}

// token is what a right token told of whom it came from.
type token struct {
	pid  int
	mark string
}

const callers = 64

func callerName(i int) string { return fmt.Sprintf("caller-%02d", i) }

func startLoad(t *testing.T, p *program, client string) *load {
	t.Helper()
	transport := http.DefaultTransport.(*http.Transport)
	before := transport.MaxIdleConnsPerHost
	transport.MaxIdleConnsPerHost = callers
	l := &load{p: p, client: client, stop: make(chan struct{}), seen: make(chan token, 4*callers), past: map[int]bool{}}
	if err := getJSON(p.URL+"/.well-known/jwks.json", &l.keys); err != nil {
		t.Fatal(err)
	}
	for i := range callers {
		name := callerName(i)
		l.group.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-l.stop:
					return
				default:
				}
				l.login(name, n%8 == 7)
			}
		})
	}
	t.Cleanup(func() {
		l.end()
		transport.MaxIdleConnsPerHost = before
	})
	return l
}

func (l *load) end() {
	select {
	case <-l.stop:
	default:
		close(l.stop)
	}
	l.group.Wait()
}

// login logs in once and counts what came of it. Right is a token for this very
// caller, or a refusal of a wrong password; or 503 with when to come again.
func (l *load) login(name string, wrongPassword bool) {
	password := "secret-of-" + name
	if wrongPassword {
		password = "secret-of-another"
	}
	r, err := l.p.tryToken(l.p.t.Context(), "portal", l.client, "grant_type=password", "username="+name, "password="+password)
	switch {
	case l.p.t.Context().Err() != nil: // the test has failed already
	case err == nil && r.Status == http.StatusServiceUnavailable && r.Error == "temporarily_unavailable" && r.RetryAfter != "":
		l.unavailable.Add(1)
	case err == nil && wrongPassword && r.Status == http.StatusBadRequest && r.Error == "invalid_grant":
		l.refused.Add(1)
	case err == nil && !wrongPassword && r.Status == http.StatusOK:
		told, err := l.read(r.AccessToken, name)
		if err != nil {
			l.wrong.Add(1)
			l.p.t.Errorf("the token of %s: %v", name, err)
			return
		}
		l.right.Add(1)
		if before := l.last.Swap(&told); before == nil || *before != told {
			select {
			case l.seen <- told:
			default:
			}
		}
	default:
		l.wrong.Add(1)
		l.p.t.Errorf("a login of %s (wrong password: %t): %+v, %v", name, wrongPassword, r, err)
	}
}

// read verifies a token.
func (l *load) read(text, name string) (token, error) {
	var claims struct {
		jwt.RegisteredClaims
		PID  int    `json:"pid"`
		Mark string `json:"mark"`
	}
	_, err := jwt.ParseWithClaims(text, &claims, func(t *jwt.Token) (any, error) {
		kid, _ := t.Header["kid"].(string)
		if found := l.keys.Key(kid); len(found) == 1 {
			return found[0].Key, nil
		}
		return nil, fmt.Errorf("kid %q is not in the JWKS", kid)
	}, jwt.WithValidMethods([]string{"ES256"}), jwt.WithSubject(name), jwt.WithExpirationRequired())
	return token{claims.PID, claims.Mark}, err
}

// awaitOther waits for a token that another process than pid vouched for, and
// than those before it: a caller may come late with theirs.
func (l *load) awaitOther(pid int) token {
	l.p.t.Helper()
	l.past[pid] = true
	return l.await("a token of another process", func(told token) bool { return !l.past[told.pid] })
}

func (l *load) await(what string, is func(token) bool) token {
	l.p.t.Helper()
	timeout := time.After(30 * time.Second)
	for {
		select {
		case told := <-l.seen:
			if is(told) {
				return told
			}
		case <-timeout:
			l.p.t.Fatalf("for 30 s there was not %s", what)
		}
	}
}

// settle waits until n more logins of every caller, on average, have gone well.
func (l *load) settle(n int64) {
	l.p.t.Helper()
	enough := l.right.Load() + n*callers
	l.p.await("logins", func() bool { return l.right.Load() >= enough })
	for len(l.seen) > 0 {
		<-l.seen
	}
}

// tally is what the answers were between two moments.
type tally struct{ right, refused, unavailable, wrong int64 }

func (l *load) tally() tally {
	return tally{l.right.Load(), l.refused.Load(), l.unavailable.Load(), l.wrong.Load()}
}

func (a tally) since(b tally) tally {
	return tally{a.right - b.right, a.refused - b.refused, a.unavailable - b.unavailable, a.wrong - b.wrong}
}

// status asks the server for its plugin over the control socket.
func (p partner) status(t testing.TB) host.Status {
	t.Helper()
	var list []host.Status
	if err := (controlClient{p.dir}).do(t.Context(), http.MethodGet, "/plugins", &list); err != nil {
		t.Fatal(err)
	}
	return list[0]
}

func (p partner) upgrade(t testing.TB) (host.Status, error) {
	t.Helper()
	var now host.Status
	err := (controlClient{p.dir}).do(t.Context(), http.MethodPost, "/plugins/partner/upgrade", &now)
	return now, err
}

// table is what was tried and seen, as docs/plugins.md shows it.
type table strings.Builder

func (b *table) row(tried string, a tally, seen string, args ...any) {
	fmt.Fprintf((*strings.Builder)(b), "| %s | %d | %d | %d | %d | %s |\n", tried, a.right, a.refused, a.unavailable, a.wrong, fmt.Sprintf(seen, args...))
}

func (b *table) String() string {
	return "| tried, under 64 concurrent logins | right tokens | wrong passwords refused | 503 | wrong answers | seen |\n" +
		"|---|---:|---:|---:|---:|---|\n" + (*strings.Builder)(b).String()
}
