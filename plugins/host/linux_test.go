package host_test

import (
	"bufio"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/claimsmith/claimsmith/internal/servertest"
	"github.com/claimsmith/claimsmith/plugins/host"
	"github.com/claimsmith/claimsmith/plugins/sdk"
)

func TestPluginDiesWithTheHost(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "plugin", "serve", "host", t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	pid, bad := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || bad != nil || !alive(pid) {
		t.Fatalf("plugin %q: %v, %v", line, err, bad)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	eventually(t, "the plugin is gone", func() bool { return !alive(pid) })
}

// pinned returns a copy of the test binary, and its hash.
func pinned(t *testing.T) (path, hash string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "plugin")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "echo")
	if err := os.WriteFile(path, b, 0o755); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	return path, hex.EncodeToString(sum[:])
}

func TestPinnedExecutable(t *testing.T) {
	path, hash := pinned(t)
	c := config(t, "")
	c.Builtin, c.Command, c.SHA256 = "", []string{path, "plugin", "serve", "echo"}, strings.ToUpper(hash)
	p := ready(t, c)
	if _, err := p.Authenticate(t.Context(), login("alice")); err != nil {
		t.Error(err)
	}
	s := p.Status()
	if s.SHA256 != hash {
		t.Errorf("status: %+v", s)
	}
	if exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", s.PID)); err != nil || exe != path {
		t.Errorf("executes %s, %v", exe, err)
	}

	// Another file at the path is refused; the one that runs goes on.
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := p.Upgrade(t.Context(), c); err == nil || !strings.Contains(err.Error(), "has sha256") {
		t.Errorf("upgrade: %v", err)
	}
	if _, err := p.Authenticate(t.Context(), login("alice")); err != nil {
		t.Error(err)
	}
}

func TestRunsAsAnotherUser(t *testing.T) {
	if os.Getuid() != 0 {
		servertest.Missing(t, "only root can run a plugin as another user")
	}
	path, hash := pinned(t)
	c := config(t, "")
	c.Builtin, c.Command, c.SHA256 = "", []string{path, "plugin", "serve", "echo"}, hash
	c.User = &host.User{UID: 65534, GID: 65534}
	dir, err := os.MkdirTemp("", "plugin")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	c.Dir = dir
	p := ready(t, c)
	id, err := p.Authenticate(t.Context(), login("environment"))
	groups, _ := id.Claims["groups"].([]any)
	if err != nil || id.Claims["uid"] != int64(65534) || id.Claims["gid"] != int64(65534) || len(groups) > 0 {
		t.Errorf("%v, %v", id.Claims, err)
	}
	checkSocketDirectory(t, dir, 65534)
}

// checkSocketDirectory checks that the one directory in dir is for its owner alone.
func checkSocketDirectory(t *testing.T, dir string, owner uint32) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("%v, %v: want one socket directory", entries, err)
	}
	info, err := entries[0].Info()
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != fs.ModeDir|0o700 || info.Sys().(*syscall.Stat_t).Uid != owner {
		t.Errorf("socket directory: %v of user %d", info.Mode(), info.Sys().(*syscall.Stat_t).Uid)
	}
}

func TestProcessIsApart(t *testing.T) {
	c := config(t, "")
	p := ready(t, c)
	checkSocketDirectory(t, c.Dir, uint32(os.Getuid()))
	pid := p.Status().PID
	if group, err := syscall.Getpgid(pid); err != nil || group != pid {
		t.Errorf("process %d is in group %d (%v)", pid, group, err)
	}
}

// Who finds the socket still needs the host's certificate, unless that is switched off.
func TestSocketIsForTheHostAlone(t *testing.T) {
	strange, err := sdk.NewCertificate()
	if err != nil {
		t.Fatal(err)
	}
	for _, plain := range []bool{false, true} {
		c := config(t, "")
		c.NoAutoMTLS = plain
		ready(t, c)
		sockets, _ := filepath.Glob(filepath.Join(c.Dir, "*", "*"))
		if len(sockets) != 1 {
			t.Fatalf("sockets: %v", sockets)
		}
		for name, creds := range map[string]credentials.TransportCredentials{
			"without TLS":           insecure.NewCredentials(),
			"without a certificate": credentials.NewTLS(&tls.Config{InsecureSkipVerify: true}),
			"with another's":        credentials.NewTLS(&tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{strange}}),
		} {
			conn, err := grpc.NewClient("unix:"+sockets[0], grpc.WithTransportCredentials(creds))
			if err != nil {
				t.Fatal(err)
			}
			_, err = sdk.NewClient(t.Context(), conn)
			_ = conn.Close()
			if want := plain && name == "without TLS"; (err == nil) != want {
				t.Errorf("NoAutoMTLS %t, a stranger %s: %v", plain, name, err)
			}
		}
	}
}

func TestPinnedScript(t *testing.T) {
	path, _ := pinned(t)
	text := "#!/bin/sh\nexec " + path + ` plugin serve "$1"` + "\n"
	script := path + ".sh"
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(text))
	c := config(t, "")
	c.Builtin, c.Command, c.SHA256 = "", []string{script, "echo"}, hex.EncodeToString(sum[:])
	if _, err := ready(t, c).Authenticate(t.Context(), login("alice")); err != nil {
		t.Error(err)
	}
}

// A file that is written to between its hash and its handshake gets no secret.
func TestFileThatChangesAsItStarts(t *testing.T) {
	path, _ := pinned(t)
	script := path + ".sh"
	text := "#!/bin/sh\necho '# more' >>" + script + "\nexec " + path + ` plugin serve "$1"` + "\n"
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(text))
	c := config(t, "")
	c.Builtin, c.Command, c.SHA256 = "", []string{script, "echo"}, hex.EncodeToString(sum[:])
	if p, err := host.Start(t.Context(), c); err == nil || !strings.Contains(err.Error(), "was changed while it was started") {
		t.Errorf("%v, %v", p, err)
	}
}

// A plugin without a descriptor left goes on answering, and is replaced without a loss.
func TestLeakOfDescriptorsStaysInThePlugin(t *testing.T) {
	c := config(t, "")
	p := ready(t, c)
	id, err := p.Authenticate(t.Context(), login("leak"))
	if err != nil || id.Claims["leaked"].(int64) < 100 {
		t.Fatalf("%+v, %v", id, err)
	}
	for range 10 {
		if _, err := p.Authenticate(t.Context(), login("alice")); err != nil {
			t.Error(err)
		}
	}
	leaking := p.Status().PID
	if err := p.Upgrade(t.Context(), c); err != nil {
		t.Error(err)
	}
	if alive(leaking) {
		t.Error("the leaking process is still there")
	}
}

// Neither deaths, nor failed starts, nor upgrades leave the host with more
// descriptors, processes or goroutines than before.
func TestHostLeaksNothing(t *testing.T) {
	c := config(t, "")
	p := ready(t, c)
	refused := c
	refused.Settings = []byte(`{"refuse": "no"}`)
	round := func() {
		pid := p.Status().PID
		signal(t, pid, syscall.SIGKILL)
		eventually(t, "another process serves", func() bool { s := p.Status(); return s.State == host.Serving && s.PID != pid })
		if err := p.Upgrade(t.Context(), c); err != nil {
			t.Error(err)
		}
		if err := p.Upgrade(t.Context(), refused); err == nil {
			t.Error("upgraded to what refuses its configuration")
		}
		if _, err := p.Authenticate(t.Context(), login("alice")); err != nil { // one that answered is back at once
			t.Error(err)
		}
	}
	round()
	files, goroutines := 0, 0
	settle := func() bool {
		open, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		n, m := len(open), runtime.NumGoroutine()
		if files == 0 {
			files, goroutines = n, m
		}
		return n <= files && m <= goroutines
	}
	settle()
	for range 5 {
		round()
	}
	eventually(t, fmt.Sprintf("%d descriptors and %d goroutines again", files, goroutines), settle)
}
