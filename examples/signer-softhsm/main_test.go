package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const pin = "1234-of-the-token"

// hsm is a token of SoftHSM, and the plugin built for it.
type hsm struct {
	dir    string // of the plugin's configuration and all else
	config string // the plugin's, as YAML in one line
}

// newHSM makes a token of SoftHSM for the test, and builds the plugin and the
// server.
func newHSM(t testing.TB) hsm {
	t.Helper()
	missing := t.Skipf
	if os.Getenv("CLAIMSMITH_TEST_ALL") == "1" {
		missing = t.Fatalf
	}
	found, err := filepath.Glob("/usr/lib/*/softhsm/libsofthsm2.so")
	if more, _ := filepath.Glob("/usr/lib/softhsm/libsofthsm2.so"); err == nil {
		found = append(found, more...)
	}
	if _, err := exec.LookPath("softhsm2-util"); err != nil || len(found) == 0 {
		missing("SoftHSM is not installed (Debian: apt-get install softhsm2)")
	}
	h := hsm{dir: t.TempDir()}
	conf := h.write(t, "softhsm2.conf", "directories.tokendir = "+h.dir+"\nlog.level = ERROR\n")
	init := exec.Command("softhsm2-util", "--init-token", "--free", "--label", "claimsmith", "--pin", pin, "--so-pin", "5678")
	init.Env = append(os.Environ(), "SOFTHSM2_CONF="+conf)
	run(t, init)
	h.write(t, "pin", pin)
	h.config = fmt.Sprintf("{library: %s, token: claimsmith, pin: {file: pin}, environment: {SOFTHSM2_CONF: %s}}", found[0], conf)
	run(t, exec.Command("go", "build", "-o", filepath.Join(h.dir, "signer"), "."))
	build := exec.Command("go", "build", "-o", h.dir, "./cmd/claimsmith")
	build.Dir = "../.."
	run(t, build)
	return h
}

func (h hsm) write(t testing.TB, name, text string) (path string) {
	t.Helper()
	path = filepath.Join(h.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// claimsmith runs a command of the server's program.
func (h hsm) claimsmith(t testing.TB, args ...string) string {
	t.Helper()
	return run(t, h.command(args...))
}

func (h hsm) command(args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(h.dir, "claimsmith"), args...)
	cmd.Dir = h.dir
	return cmd
}

func run(t testing.TB, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	return string(out)
}

// The suite that every plugin passes, over the process: keys of each algorithm
// that the token knows, 200 signatures at once, another process beside it.
func TestThePluginPassesTheSuite(t *testing.T) {
	h := newHSM(t)
	h.write(t, "plugin.yaml", h.config)
	out := h.claimsmith(t, "plugin", "test", "./signer", "--config", "plugin.yaml")
	for _, want := range []string{"ok    keys of each algorithm", "ok    keys apart", "ok    200 concurrent signatures", "ok    bad configuration"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if strings.Contains(out, pin) {
		t.Error("the PIN was printed")
	}
}
