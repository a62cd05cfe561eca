package servertest

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Postgres is a PostgreSQL server of one test's own, which can be restarted.
type Postgres struct {
	// URL is that of an empty database, as PostgreSQL returns it.
	URL string

	t       testing.TB
	dir     string // of the data: it outlives a restart
	as      *syscall.Credential
	process postgresServer
}

// StartPostgreSQL starts a PostgreSQL server, which ends with the test. What it has
// committed outlives every kind of restart.
func StartPostgreSQL(t testing.TB) *Postgres {
	t.Helper()
	needPostgres(t)
	p := &Postgres{t: t}
	var err error
	if p.as, err = account("postgres"); err != nil {
		t.Fatal(err)
	}
	if p.dir, err = serverDir(p.as); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.process.server != nil {
			p.process.stop()
		}
		os.RemoveAll(p.dir)
	})
	if err := initPostgres(p.dir, p.as); err != nil {
		t.Fatal(err)
	}
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	p.start(port)
	if err := p.process.psql("create database test"); err != nil {
		t.Fatal(err)
	}
	p.URL = p.process.url("test")
	return p
}

func (p *Postgres) start(port string) {
	p.t.Helper()
	dir, err := serverDir(p.as)
	if err != nil {
		p.t.Fatal(err)
	}
	if p.process, err = runPostgres(dir, p.data(), p.as, port); err != nil {
		p.t.Fatalf("start PostgreSQL: %v", err)
	}
}

func (p *Postgres) data() string { return filepath.Join(p.dir, "data") }

// Restart stops the server as pg_ctl does, in a mode of the same name, and starts it
// again where it was: "fast" ends every connection and undoes what is under way;
// "immediate" is a crash, from which it recovers when it starts.
func (p *Postgres) Restart(mode string) {
	p.t.Helper()
	signal, ok := map[string]syscall.Signal{"fast": syscall.SIGINT, "immediate": syscall.SIGQUIT}[mode]
	text, err := os.ReadFile(filepath.Join(p.data(), "postmaster.pid"))
	if err != nil || !ok {
		p.t.Fatalf("restart PostgreSQL %q: %v", mode, err)
	}
	pid, _, _ := strings.Cut(string(text), "\n")
	n, err := strconv.Atoi(pid)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := syscall.Kill(n, signal); err != nil {
		p.t.Fatal(err)
	}
	<-p.process.done
	p.start(p.process.port)
}

// Connections returns how many clients are connected to the database.
func (p *Postgres) Connections() int {
	p.t.Helper()
	out, err := p.process.ask("select count(*) from pg_stat_activity where datname = 'test'")
	if err != nil {
		p.t.Fatal(err)
	}
	n, err := strconv.Atoi(out)
	if err != nil {
		p.t.Fatal(err)
	}
	return n
}
