package main

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/claimsmith/claimsmith/internal/servertest"
)

// proxy stands between the server and its database, and can cut them off.
type proxy struct {
	address, target string
	mu              sync.Mutex
	listener        net.Listener
	open            map[net.Conn]bool
}

// newProxy returns a proxy before the server of a database's URL, and the URL through it.
func newProxy(t testing.TB, database string) (*proxy, string) {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{address: freeAddress(t), target: u.Host, open: map[net.Conn]bool{}}
	p.connect(t)
	t.Cleanup(p.cut)
	u.Host = p.address
	return p, u.String()
}

func (p *proxy) connect(t testing.TB) {
	t.Helper()
	listener, err := net.Listen("tcp", p.address)
	if err != nil {
		t.Fatal(err)
	}
	p.listener = listener
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", p.target)
			if err != nil {
				from.Close()
				continue
			}
			p.join(from, to)
		}
	}()
}

func (p *proxy) join(a, b net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open[a], p.open[b] = true, true
	for _, pair := range [][2]net.Conn{{a, b}, {b, a}} {
		go func() {
			io.Copy(pair[0], pair[1])
			pair[0].Close()
		}()
	}
}

// cut ends every connection and refuses new ones.
func (p *proxy) cut() {
	p.listener.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.open {
		c.Close()
	}
	clear(p.open)
}

func TestStorageThatIsDownIsNobodysFault(t *testing.T) {
	proxy, database := newProxy(t, servertest.PostgreSQL(t))
	listen := freeAddress(t)
	dir := newSite(t, listen, `"`+database+`"`, "")
	secrets := populate(t, dir)
	p := start(t, dir, listen)
	login := func(parameters ...string) reply {
		return p.token("portal", secrets.client, append([]string{"grant_type=password", "username=alice", "password=" + secrets.password}, parameters...)...)
	}
	refresh := func(token string) reply {
		return p.token("portal", secrets.client, "grant_type=refresh_token", "refresh_token="+token)
	}
	token := login("scope=offline_access").RefreshToken

	proxy.cut()
	for name, r := range map[string]reply{
		"password":              login(),
		"refresh token":         refresh(token),
		"a client not seen yet": p.token("stranger", "x", "grant_type=client_credentials"),
	} {
		if r.Status != http.StatusServiceUnavailable || r.Error != "temporarily_unavailable" || r.RetryAfter == "" {
			t.Errorf("%s, while storage is down: %+v", name, r)
		}
	}
	if r := p.token("portal", secrets.client, "grant_type=client_credentials"); r.Status != http.StatusOK {
		t.Errorf("client credentials need no storage, and while it is down: %+v", r)
	}
	if resp, err := http.Get(p.Admin + "/readyz"); err != nil || resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("readiness while storage is down: %v, %v", resp, err)
	}

	proxy.connect(t)
	var r reply
	p.await("storage", func() bool {
		r = refresh(token)
		return r.Status == http.StatusOK
	})
	p.await("the users table", func() bool { return login().Status == http.StatusOK })
	if strings.Contains(p.log.String(), secrets.password) {
		t.Error("a password is in the log")
	}
}
