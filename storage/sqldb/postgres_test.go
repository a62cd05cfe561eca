package sqldb_test

import (
	"context"
	"errors"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/internal/servertest"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

func TestHungServerIsBoundedByContext(t *testing.T) {
	for name, server := range map[string]func(testing.TB) string{"PostgreSQL": servertest.PostgreSQL, "MariaDB": servertest.MariaDB} {
		t.Run(name, func(t *testing.T) {
			line := newLine(t, server(t))
			db := openPeople(t, sqldb.Config{URL: line.url, MaxConns: 1})
			var n int
			query := func(ctx context.Context) error {
				return db.Get(ctx, &n, "select count(*) from people where age > ?", 1)
			}
			for what, call := range map[string]func(ctx context.Context) error{
				"query":  query,
				"update": func(ctx context.Context) error { _, err := db.Exec(ctx, "update people set age = ?", 1); return err },
				"ping":   db.Ping,
				"commit": func(ctx context.Context) error {
					return db.Tx(ctx, func(tx sqldb.Tx) error {
						_, err := tx.Exec(ctx, "update people set age = ?", 1)
						line.freeze()
						return err
					})
				},
			} {
				t.Run(what, func(t *testing.T) {
					if err := query(t.Context()); err != nil {
						t.Fatal(err)
					}
					if what != "commit" {
						line.freeze()
					}
					ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
					defer cancel()
					start := time.Now()
					if err := call(ctx); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, sqldb.ErrUnavailable) {
						t.Errorf("error is %v, want DeadlineExceeded and ErrUnavailable", err)
					}
					if took := time.Since(start); took > 4*time.Second {
						t.Errorf("the call took %v with a context of 100 ms", took)
					}
					line.thaw()
					if err := query(t.Context()); err != nil {
						t.Errorf("afterwards: %v", err)
					}
				})
			}
		})
	}
}

func TestServerThatDoesNotGreetIsBoundedByContext(t *testing.T) {
	line := newLine(t, servertest.PostgreSQL(t))
	line.freeze()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := sqldb.Open(ctx, sqldb.Config{URL: line.url}); !errors.Is(err, sqldb.ErrUnavailable) {
		t.Errorf("error is %v, want ErrUnavailable", err)
	}
	if took := time.Since(start); took > 4*time.Second {
		t.Errorf("it took %v with a context of 100 ms", took)
	}
}

func TestNobodyListens(t *testing.T) {
	for _, url := range []string{"postgres://me@127.0.0.1:1/db?sslmode=disable", "mysql://me@127.0.0.1:1/db", "sqlite:/dev/null/test.db"} {
		if _, err := sqldb.Open(t.Context(), sqldb.Config{URL: url}); !errors.Is(err, sqldb.ErrUnavailable) {
			t.Errorf("%s: error is %v, want ErrUnavailable", url, err)
		}
	}
}

func TestCancelledStatementIsTheContextsError(t *testing.T) {
	db := open(t, sqldb.Config{URL: servertest.PostgreSQL(t)})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := db.Exec(ctx, "select pg_sleep(?)", 30); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error is %v, want DeadlineExceeded", err)
	}
}

func TestListen(t *testing.T) {
	line := newLine(t, servertest.PostgreSQL(t))
	db := open(t, sqldb.Config{URL: line.url})
	ctx, cancel := context.WithCancel(t.Context())
	heard := make(chan string, 10)
	ended := make(chan error)
	go func() { ended <- db.Listen(ctx, "news", func(payload string) { heard <- payload }) }()

	hear := func(want string) {
		t.Helper()
		select {
		case got := <-heard:
			if got != want {
				t.Errorf("heard %q, want %q", got, want)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("did not hear %q", want)
		}
	}
	hear("")
	exec(t, db, "select pg_notify('news', 'first')")
	hear("first")
	line.cut()
	hear("")
	exec(t, db, "select pg_notify('news', 'second')")
	hear("second")
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Listen returned %v, want context.Canceled", err)
	}

	other := open(t, sqldb.Config{URL: "sqlite::memory:"})
	if err := other.Listen(t.Context(), "news", nil); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("on SQLite: %v, want ErrUnsupported", err)
	}
}

// line is a TCP connection to a server that can be frozen and cut.
type line struct {
	url    string
	server string

	mu     sync.Mutex
	thawed chan struct{} // closed unless frozen
	conns  []net.Conn
}

func newLine(t *testing.T, server string) *line {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &line{server: u.Host, thawed: make(chan struct{})}
	close(p.thawed)
	u.Host = l.Addr().String()
	p.url = u.String()
	go p.accept(l)
	t.Cleanup(func() {
		l.Close()
		p.thaw()
		p.cut()
	})
	return p
}

func (p *line) accept(l net.Listener) {
	for {
		near, err := l.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", p.server)
		if err != nil {
			near.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, near, far)
		p.mu.Unlock()
		go p.carry(near, far)
		go p.carry(far, near)
	}
}

func (p *line) carry(to, from net.Conn) {
	defer to.Close()
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		p.mu.Lock()
		thawed := p.thawed
		p.mu.Unlock()
		<-thawed
		if _, werr := to.Write(buffer[:n]); err != nil || werr != nil {
			return
		}
	}
}

func (p *line) freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.thawed = make(chan struct{})
}

func (p *line) thaw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.thawed:
	default:
		close(p.thawed)
	}
}

func (p *line) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range p.conns {
		conn.Close()
	}
	p.conns = nil
}
