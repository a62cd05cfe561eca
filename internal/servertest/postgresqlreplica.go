package servertest

import (
	"net/url"
	"os"
	"path/filepath"
	"testing"
)

// PostgreSQLReplica starts a streaming replica of the server of a URL that
// PostgreSQL returned, and returns the URL of the same database on it. The
// replica is stopped at the end of the test.
func PostgreSQLReplica(t testing.TB, primary string) string {
	t.Helper()
	replica, err := postgresReplica(primary)
	if err != nil {
		t.Fatalf("start a replica of PostgreSQL: %v", err)
	}
	t.Cleanup(replica.stop)
	u, err := url.Parse(primary)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = "127.0.0.1:" + replica.port
	return u.String()
}

func postgresReplica(primary string) (postgresServer, error) {
	as, err := account("postgres")
	if err != nil {
		return postgresServer{}, err
	}
	dir, err := serverDir(as)
	if err != nil {
		return postgresServer{}, err
	}
	data := filepath.Join(dir, "data")
	if err := runAs(dir, as, program("pg_basebackup", postgresDirs), "--pgdata="+data, "--dbname="+primary,
		"--write-recovery-conf", "--checkpoint=fast", "--no-sync"); err != nil {
		os.RemoveAll(dir)
		return postgresServer{}, err
	}
	return servePostgres(dir, as)
}
