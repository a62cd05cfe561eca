package interop_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// installNode copies the tests in Node into a directory with what they need.
func installNode(t *testing.T) string {
	t.Helper()
	dir, err := workDir()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, os.DirFS("node")); err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("npm"); err != nil {
		if os.Getenv("CLAIMSMITH_TEST_ALL") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	npm := exec.Command("npm", "ci", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts", "--no-update-notifier")
	npm.Dir = dir
	if out, err := npm.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	return dir
}

// TestNode runs openid-client, oauth4webapi and simple-oauth2.
func TestNode(t *testing.T) {
	dir := installNode(t)
	s := start(t)
	scripts, err := filepath.Glob("node/*.test.mjs")
	if err != nil || len(scripts) != 3 {
		t.Fatal(scripts, err)
	}
	for _, script := range scripts {
		t.Run(filepath.Base(script), func(t *testing.T) {
			node := exec.Command("node", "--test", filepath.Base(script))
			node.Dir = dir
			node.Env = append(os.Environ(),
				"ISSUER="+s.Issuer, "CLIENT_ID="+s.ClientID, "CLIENT_SECRET="+s.Secret, "USERNAME="+s.User, "PASSWORD="+s.Password, "API_KEY="+s.APIKey,
				"ROBOT="+robotClient, "ROBOT_KEY="+s.robotPEM(t),
				"GATEWAY="+gatewayClient, "GATEWAY_SECRET="+s.GatewaySecret, "ORDERS="+ordersAudience)
			if out, err := node.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
