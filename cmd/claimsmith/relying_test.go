package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/claimsmith/claimsmith/internal/servertest"
)

var (
	relyingGo = goBuild("relying-go", ".", "../../examples/relying-go")
	verifiers = goBuild("verifiers", "../../examples/interop", "./verifiers")
)

// startRelyingGo starts examples/relying-go, which verifies with golang-jwt.
func startRelyingGo(t *testing.T, issuer string) string {
	t.Helper()
	program, err := relyingGo()
	if err != nil {
		t.Fatal(err)
	}
	return startService(t, exec.Command(program), issuer)
}

// startVerifiers starts examples/interop/verifiers, which verifies with libraries
// that are no dependency of ours.
func startVerifiers(t *testing.T, issuer string) string {
	t.Helper()
	program, err := verifiers()
	if err != nil {
		servertest.Missing(t, "%v", err)
	}
	return startService(t, exec.Command(program), issuer)
}

// startRelyingNode starts examples/relying-node, which verifies with jose. What
// stands in wrap is a program that runs it.
func startRelyingNode(t *testing.T, issuer string, wrap ...string) string {
	t.Helper()
	dir, err := relyingNode()
	if err != nil {
		servertest.Missing(t, "relying-node: %v", err)
	}
	args := append(wrap, "node", "main.js")
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	return startService(t, cmd, issuer)
}

// relyingNode copies examples/relying-node, installs what it needs, and returns the
// copy's directory.
var relyingNode = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(workDir, "relying-node")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	for _, name := range []string{"main.js", "package.json", "package-lock.json"} {
		text, err := os.ReadFile("../../examples/relying-node/" + name)
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return "", err
		}
	}
	cmd := exec.Command("npm", "ci", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts", "--no-update-notifier")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	return dir, nil
})

// startService starts a relying service and returns its URL.
func startService(t *testing.T, cmd *exec.Cmd, issuer string) string {
	t.Helper()
	cmd.Env = append(os.Environ(), "ISSUER="+issuer, "AUDIENCE="+apiAudience, "PORT=0")
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // and what it has started
		cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("%s does not start: %v", cmd, err)
	}
	return strings.TrimSpace(strings.TrimPrefix(line, "listening on "))
}

// bearer asks the service at a URL with a token, and returns why it is refused.
func bearer(url string) func(ctx context.Context, token string) error {
	return func(ctx context.Context, token string) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err == nil && resp.StatusCode != http.StatusOK {
			err = fmt.Errorf("%s: %s", resp.Status, body)
		}
		return err
	}
}

// kidOf returns the kid in a token's header.
func kidOf(t testing.TB, token string) string {
	head, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(head)
	var h struct{ KID string }
	if err != nil || json.Unmarshal(raw, &h) != nil {
		t.Errorf("no token: %q", token)
	}
	return h.KID
}

// kidSet collects kids.
type kidSet struct {
	mu   sync.Mutex
	kids map[string]bool
}

func newKidSet() *kidSet { return &kidSet{kids: map[string]bool{}} }

func (s *kidSet) add(kid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kids[kid] = true
}

func (s *kidSet) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.kids)
}
