package servertest

import (
	"bufio"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain plays, when it is asked to, a test binary that starts a server and
// then hangs.
func TestMain(m *testing.M) {
	if dir := os.Getenv("HANG_WITH_SERVER_IN"); dir != "" {
		if _, err := startServer(dir, nil, "TERM", "/bin/sh", "-c", "echo $$ >pid; exec sleep 600"); err != nil {
			panic(err)
		}
		os.Stdout.WriteString("started\n")
		select {}
	}
	os.Exit(m.Run())
}

func TestServerEndsWithKilledTestBinary(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "server")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	binary := exec.Command(os.Args[0])
	binary.Env = append(os.Environ(), "HANG_WITH_SERVER_IN="+dir)
	out, err := binary.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := binary.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	pid := readPid(t, filepath.Join(dir, "pid"))
	binary.Process.Kill()
	binary.Wait()

	eventually(t, "the server has ended", func() bool {
		return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
	})
	eventually(t, "its directory is gone", func() bool {
		_, err := os.Stat(dir)
		return errors.Is(err, os.ErrNotExist)
	})
}

func TestServerThatEndsAtStartTellsWhy(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "server")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s, err := startServer(dir, nil, "TERM", "/bin/sh", "-c", "echo port is taken; exit 1")
	if err != nil {
		t.Fatal(err)
	}
	err = s.await(func() error { return errors.New("nobody answers") })
	if err == nil || !strings.Contains(err.Error(), "port is taken") {
		t.Errorf("error is %v, want what the server said", err)
	}
}

func TestEachTestHasDatabaseOfItsOwn(t *testing.T) {
	for name, open := range map[string]func(testing.TB) string{"PostgreSQL": PostgreSQL, "MariaDB": MariaDB} {
		t.Run(name, func(t *testing.T) {
			if first, second := open(t), open(t); first == second {
				t.Errorf("both are %s", first)
			}
		})
	}
}

func readPid(t *testing.T, file string) (pid int) {
	t.Helper()
	eventually(t, "the server has started", func() bool {
		text, _ := os.ReadFile(file)
		n, err := strconv.Atoi(strings.TrimSpace(string(text)))
		pid = n
		return err == nil
	})
	return pid
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestARestartedPostgreSQLKeepsWhatItHas(t *testing.T) {
	p := StartPostgreSQL(t)
	line := NewLine(t, p.URL)
	if err := p.process.psql("create table kept (mode text)"); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []string{"fast", "immediate"} {
		if err := p.process.psql("insert into kept values ('" + mode + "')"); err != nil {
			t.Fatal(err)
		}
		p.Restart(mode)
	}
	if kept, err := p.process.ask("select count(*) from kept"); kept != "2" {
		t.Errorf("%s rows are left of 2, %v", kept, err)
	}
	if n := p.Connections(); n != 0 {
		t.Errorf("%d connections", n)
	}
	c, err := net.Dial("tcp", line.address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	line.Cut()
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("a connection that was cut still answers")
	}
	if c, err := net.Dial("tcp", line.address); err == nil {
		c.Close()
		t.Error("a line that was cut still takes connections")
	}
}
