package examples_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/claimsmith/claimsmith/internal/servertest"
)

// services are the example relying services: each makes the command that runs it.
var services = []struct {
	name    string
	command func(t *testing.T) *exec.Cmd
}{
	{"go", goService},
	{"node", nodeService},
}

func goService(t *testing.T) *exec.Cmd {
	binary := filepath.Join(t.TempDir(), "relying-go")
	runToEnd(t, exec.Command("go", "build", "-o", binary, "./relying-go"))
	return exec.Command(binary)
}

func nodeService(t *testing.T) *exec.Cmd {
	node := nodeProgram(t)
	if _, err := exec.LookPath("npm"); err != nil {
		servertest.Missing(t, "npm is not installed (Debian: apt-get install npm)")
	}
	dir, err := installNode()
	if err != nil {
		servertest.Missing(t, "%v", err)
	}
	cmd := exec.Command(node, "main.js")
	cmd.Dir = dir
	return cmd
}

// installNode copies relying-node and installs the packages that its lock file
// names; it returns the copy's directory.
var installNode = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(workDir, "relying-node")
	err := copyTree(dir, "relying-node", func(name string) bool { return name == "node_modules" })
	if err != nil {
		return "", err
	}
	cmd := exec.Command("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--no-update-notifier")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	return dir, nil
})

// oldestNode is what relying-node can run on.
const oldestNode = 18

func nodeProgram(t *testing.T) string {
	node, err := exec.LookPath("node")
	if err != nil {
		servertest.Missing(t, "Node is not installed (Debian: apt-get install nodejs npm)")
	}
	version, err := exec.Command(node, "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	major, _, _ := strings.Cut(strings.TrimPrefix(string(version), "v"), ".")
	if n, err := strconv.Atoi(major); err != nil || n < oldestNode {
		servertest.Missing(t, "Node %s is older than %d", strings.TrimSpace(string(version)), oldestNode)
	}
	return node
}

// startService runs a relying service until the end of the test and returns its URL.
func startService(t *testing.T, cmd *exec.Cmd, issuer, audience string) string {
	t.Helper()
	cmd.Env = append(os.Environ(), "ISSUER="+issuer, "AUDIENCE="+audience, "PORT=0")
	line, err := bufio.NewReader(keep(t, cmd)).ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if !ok {
		t.Fatalf("the service said %q (%v), want where it listens", line, err)
	}
	return url
}

// answer is what a relying service said to a request.
type answer struct {
	Status       int
	Authenticate string // the header WWW-Authenticate
	Claims       map[string]any
}

// ask sends a request with the Authorization header, if it is not "".
func ask(t *testing.T, url, authorization string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{Status: resp.StatusCode, Authenticate: resp.Header.Get("WWW-Authenticate")}
	if a.Status == http.StatusOK {
		if err := json.Unmarshal(body, &a.Claims); err != nil {
			t.Fatalf("decode %q: %v", body, err)
		}
	}
	return a
}

// askUntil asks with a token until the answer has the status; services that
// have just fetched the keys wait a moment before they do so again.
func askUntil(t *testing.T, url, token string, status int) answer {
	t.Helper()
	var a answer
	eventually(t, func() bool {
		a = ask(t, url, "Bearer "+token)
		return a.Status == status
	}, "an answer with status %d", status)
	return a
}
