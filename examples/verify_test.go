package examples_test

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The service that docs/plugins.md shows is whole, and does what it says.
func TestVerifyServiceInTheDocsWorks(t *testing.T) {
	node := nodeProgram(t)
	docs := readFile(t, "../docs/plugins.md")
	_, code, _ := strings.Cut(docs, "```js\nconst { createHash }")
	code, _, _ = strings.Cut("const { createHash }"+code, "```")
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "verify.js"), code)
	address := freeAddress(t)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	service := exec.Command(node, "verify.js")
	service.Dir, service.Env = dir, append(os.Environ(), "TOKEN=tell-nobody", "PORT="+port)
	keep(t, service)
	eventually(t, func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	}, "the service to listen on %s", address)

	writeFile(t, filepath.Join(dir, "keys.token"), "tell-nobody\n")
	config, err := json.Marshal(map[string]any{"verify_url": "http://" + address + "/", "bearer_token": map[string]string{"file": "keys.token"}})
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "verify.json"), string(config))
	prove := func(key string) (string, error) {
		test := exec.Command(imageBinary(t), "plugin", "test", "apikey", "--config", "verify.json", "--api-key-stdin")
		test.Dir, test.Stdin = dir, strings.NewReader(key+"\n")
		out, err := test.CombinedOutput()
		return string(out), err
	}
	if out, err := prove("live_1f0c2d9b4a48d67e"); err != nil || !strings.Contains(out, "ok    lookup") || !strings.Contains(out, "ok    refresh") {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := prove("live_5d0e7c41b2aa9f36"); err == nil || !strings.Contains(out, "FAIL  good credential: api_key: denied: disabled") {
		t.Errorf("with a revoked key: %v\n%s", err, out)
	}
	writeFile(t, filepath.Join(dir, "keys.token"), "another\n")
	if out, err := prove("live_1f0c2d9b4a48d67e"); err == nil || !strings.Contains(out, "does not take our credential") {
		t.Errorf("with another token: %v\n%s", err, out)
	}
}
