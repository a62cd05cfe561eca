package servertest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// Name and password of the owner of all test databases.
const (
	dbUser     = "claimsmith"
	dbPassword = "kept-by-tests-only"
)

var databases atomic.Int64

// PostgreSQL returns the URL of a new and empty database,
// postgres://USER:PASSWORD@127.0.0.1:PORT/NAME?sslmode=disable, on a server
// that the test binary shares. The database is dropped at the end of the test,
// with whatever is still connected to it.
func PostgreSQL(t testing.TB) string {
	t.Helper()
	needPostgres(t)
	server, err := postgres()
	if err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
	name := fmt.Sprintf("test_%d", databases.Add(1))
	if err := server.psql("create database " + name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.psql("drop database " + name + " with (force)"); err != nil {
			t.Error(err)
		}
	})
	return server.url(name)
}

func needPostgres(t testing.TB) {
	t.Helper()
	for _, name := range []string{"postgres", "initdb", "psql"} {
		if program(name, postgresDirs) == "" {
			Missing(t, "PostgreSQL is not installed (Debian: apt-get install postgresql)")
		}
	}
}

const postgresDirs = "/usr/lib/postgresql/*/bin"

// postgresServer is a PostgreSQL that listens on a port of loopback.
type postgresServer struct {
	*server
	port string
}

func (s postgresServer) url(database string) string {
	return fmt.Sprintf("postgres://%s:%s@127.0.0.1:%s/%s?sslmode=disable", dbUser, dbPassword, s.port, database)
}

func (s postgresServer) psql(statement string) error {
	_, err := s.ask(statement)
	return err
}

// ask returns the one value that a statement reads.
func (s postgresServer) ask(statement string) (string, error) {
	cmd := exec.Command(program("psql", postgresDirs), "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--command", statement, s.url("postgres"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", statement, err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

var postgres = sync.OnceValues(func() (s postgresServer, err error) {
	for range 3 { // a free port can be taken by another before we are there
		if s, err = startPostgres(); err == nil {
			break
		}
	}
	return s, err
})

func startPostgres() (postgresServer, error) {
	as, err := account("postgres")
	if err != nil {
		return postgresServer{}, err
	}
	dir, err := serverDir(as)
	if err != nil {
		return postgresServer{}, err
	}
	if err := initPostgres(dir, as); err != nil {
		os.RemoveAll(dir)
		return postgresServer{}, err
	}
	return servePostgres(dir, as)
}

// servePostgres runs PostgreSQL on the data in dir, for all tests of the binary.
func servePostgres(dir string, as *syscall.Credential) (postgresServer, error) {
	port, err := freePort()
	if err != nil {
		return postgresServer{}, err
	}
	return runPostgres(dir, filepath.Join(dir, "data"), as, port, "-c", "synchronous_commit=off")
}

// runPostgres runs PostgreSQL in dir, on what initPostgres made, until it answers.
func runPostgres(dir, data string, as *syscall.Credential, port string, options ...string) (postgresServer, error) {
	argv := append([]string{program("postgres", postgresDirs),
		"-D", data, "-p", port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
		"-c", "fsync=off", "-c", "full_page_writes=off",
		"-c", "max_connections=300", "-c", "shared_buffers=64MB", "-c", "jit=off"}, options...)
	s, err := startServer(dir, as, "QUIT", argv...)
	if err != nil {
		return postgresServer{}, err
	}
	started := postgresServer{s, port}
	return started, s.await(func() error { return started.psql("select 1") })
}

func initPostgres(dir string, as *syscall.Credential) error {
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte(dbPassword), 0o644); err != nil {
		return err
	}
	return runAs(dir, as, program("initdb", postgresDirs), "-D", filepath.Join(dir, "data"), "--no-sync", "--locale=C", "--encoding=UTF8",
		"-U", dbUser, "-A", "scram-sha-256", "--pwfile", password)
}
