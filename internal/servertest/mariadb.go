package servertest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// MariaDB returns the URL of a new and empty database,
// mysql://USER:PASSWORD@127.0.0.1:PORT/NAME, on a server that the test binary
// shares. The database is dropped at the end of the test.
func MariaDB(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"mariadbd", "mariadb-install-db", "mariadb"} {
		if program(name) == "" {
			Missing(t, "MariaDB is not installed (Debian: apt-get install mariadb-server)")
		}
	}
	server, err := mariadb()
	if err != nil {
		t.Fatalf("start MariaDB: %v", err)
	}
	name := fmt.Sprintf("test_%d", databases.Add(1))
	if err := server.execute("create database " + name + " character set utf8mb4"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.execute("drop database " + name); err != nil {
			t.Error(err)
		}
	})
	return fmt.Sprintf("mysql://%s:%s@127.0.0.1:%s/%s", dbUser, dbPassword, server.port, name)
}

// mariadbServer is a MariaDB that listens on a port of loopback.
type mariadbServer struct {
	*server
	port string
}

func (s mariadbServer) execute(statement string) error {
	cmd := exec.Command(program("mariadb"), "--no-defaults", "--host=127.0.0.1", "--port="+s.port, "--user="+dbUser,
		"--execute="+statement)
	cmd.Env = append(os.Environ(), "MYSQL_PWD="+dbPassword)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", statement, err, out)
	}
	return nil
}

var mariadb = sync.OnceValues(func() (s mariadbServer, err error) {
	for range 3 { // a free port can be taken by another before we are there
		if s, err = startMariaDB(); err == nil {
			break
		}
	}
	return s, err
})

func startMariaDB() (mariadbServer, error) {
	as, err := account("mysql")
	if err != nil {
		return mariadbServer{}, err
	}
	dir, err := serverDir(as)
	if err != nil {
		return mariadbServer{}, err
	}
	if err := runAs(dir, as, program("mariadb-install-db"), "--no-defaults", "--datadir="+filepath.Join(dir, "data"),
		"--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"); err != nil {
		os.RemoveAll(dir)
		return mariadbServer{}, err
	}
	setup := filepath.Join(dir, "setup.sql")
	grant := fmt.Sprintf("grant all on *.* to '%s'@'%%' identified by '%s' with grant option;\n", dbUser, dbPassword)
	if err := os.WriteFile(setup, []byte(grant), 0o644); err != nil {
		return mariadbServer{}, err
	}
	port, err := freePort()
	if err != nil {
		return mariadbServer{}, err
	}
	s, err := startServer(dir, as, "TERM", program("mariadbd"), "--no-defaults", "--datadir="+filepath.Join(dir, "data"),
		"--bind-address=127.0.0.1", "--port="+port, "--socket=server.sock", "--init-file="+setup,
		"--skip-name-resolve", "--skip-log-bin", "--performance-schema=off", "--max-connections=300",
		"--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M", "--skip-innodb-doublewrite")
	if err != nil {
		return mariadbServer{}, err
	}
	started := mariadbServer{s, port}
	return started, s.await(func() error { return started.execute("select 1") })
}
