// Package interop_test runs client libraries that others wrote against the
// server, each as its own documentation says and with its defaults.
package interop_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// What the demo knows of, and what is added to it.
const (
	ordersAudience = "https://orders.example.com"
	robotClient    = "robot" // has a key and no secret
	gatewayClient  = "gateway"
)

// server is the program with its demo data and two more clients.
type server struct {
	Issuer, Secret   string
	ClientID, APIKey string
	User, Password   string
	GatewaySecret    string
	RobotKey         *ecdsa.PrivateKey
}

var shared = sync.OnceValues(newServer)

var running *exec.Cmd

func TestMain(m *testing.M) {
	code := m.Run()
	if running != nil {
		running.Process.Signal(syscall.SIGTERM)
		running.Wait()
	}
	for _, dir := range workDirs {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

var workDirs []string

func workDir() (string, error) {
	dir, err := os.MkdirTemp("", "claimsmith-interop-")
	workDirs = append(workDirs, dir)
	return dir, err
}

// start returns the server, which all tests share.
func start(t *testing.T) *server {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newServer() (*server, error) {
	dir, err := workDir()
	if err != nil {
		return nil, err
	}
	binary, data := filepath.Join(dir, "claimsmith"), filepath.Join(dir, "data")
	build := exec.Command("go", "build", "-o", binary, "./cmd/claimsmith")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build: %w\n%s", err, out)
	}
	facts, err := serve(binary, data)
	if err != nil {
		return nil, err
	}
	s := &server{
		Issuer: facts["ISSUER"], ClientID: facts["CLIENT_ID"], Secret: facts["CLIENT_SECRET"],
		User: facts["USERNAME"], Password: facts["PASSWORD"], APIKey: facts["API_KEY"],
	}
	return s, s.addClients(binary, data)
}

// serve starts the demo and returns what is in its demo.env.
func serve(binary, data string) (map[string]string, error) {
	running = exec.Command(binary, "serve", "--demo", "--data", data, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
	out, err := running.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := running.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "Stop with") {
	}
	go func() { // what it says later
		for lines.Scan() {
		}
	}()
	text, err := os.ReadFile(filepath.Join(data, "demo.env"))
	facts := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		facts[name] = strings.Trim(value, "'")
	}
	return facts, err
}

// addClients adds a client with a key, and one that may trade tokens in.
func (s *server) addClients(binary, data string) (err error) {
	if s.RobotKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return err
	}
	set, err := jose.JSONWebKey{Key: s.RobotKey.Public(), KeyID: "one", Use: "sig"}.MarshalJSON()
	if err != nil {
		return err
	}
	file := filepath.Join(data, "robot.json")
	if err := os.WriteFile(file, fmt.Appendf(nil, `{"keys":[%s]}`, set), 0o600); err != nil {
		return err
	}
	create := func(args ...string) (string, error) {
		out, err := exec.Command(binary, append([]string{"client", "create", "--demo", "--data", data}, args...)...).Output()
		return string(out), err
	}
	if _, err := create(robotClient, "--jwks", file, "--grant", "client_credentials", "--scope", "read"); err != nil {
		return fmt.Errorf("create robot: %w", err)
	}
	out, err := create(gatewayClient, "--grant", "token-exchange", "--scope", "read", "--audience", s.Issuer, "--exchange", ordersAudience)
	if err != nil {
		return fmt.Errorf("create gateway: %w", err)
	}
	if s.GatewaySecret = secretIn(out); s.GatewaySecret == "" {
		return fmt.Errorf("create gateway: no secret in %q", out)
	}
	return nil
}

// secretIn returns the client secret that a command shows.
func secretIn(out string) string {
	for _, word := range strings.Fields(out) {
		if strings.HasPrefix(word, "ccs_") {
			return word
		}
	}
	return ""
}

// robotPEM is the robot's private key in PKCS #8.
func (s *server) robotPEM(t *testing.T) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(s.RobotKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}
