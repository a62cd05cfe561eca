package examples_test

import (
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/internal/servertest"
)

// composition is what the tests look at of docker-compose.yml.
type composition struct {
	Services map[string]struct {
		Build       string                       `yaml:"build"`
		Image       string                       `yaml:"image"`
		DependsOn   map[string]map[string]string `yaml:"depends_on"`
		Environment map[string]string            `yaml:"environment"`
		Volumes     []string                     `yaml:"volumes"`
		Ports       []string                     `yaml:"ports"`
		Healthcheck map[string]any               `yaml:"healthcheck"`
	} `yaml:"services"`
	Volumes map[string]any `yaml:"volumes"`
}

func readComposition(t *testing.T) composition {
	t.Helper()
	var c composition
	if err := yaml.Unmarshal([]byte(readFile(t, "../docker-compose.yml")), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCompositionNamesWhatIsThere(t *testing.T) {
	c := readComposition(t)
	exists := func(name string) {
		t.Helper()
		if _, err := os.Stat(filepath.Join("..", name)); err != nil {
			t.Error(err)
		}
	}
	for name, s := range c.Services {
		if s.Build != "" {
			exists(filepath.Join(s.Build, "Dockerfile"))
		}
		for _, v := range s.Volumes {
			source, _, _ := strings.Cut(v, ":")
			if _, ok := c.Volumes[source]; !ok {
				exists(source)
			}
		}
		for _, p := range s.Ports {
			if !strings.HasPrefix(p, "127.0.0.1:") {
				t.Errorf("%s publishes %s, want it on 127.0.0.1 only", name, p)
			}
		}
		for other, how := range s.DependsOn {
			if how["condition"] == "service_healthy" && c.Services[other].Healthcheck == nil {
				t.Errorf("%s waits until %s is healthy, which nothing checks", name, other)
			}
		}
	}
}

// What docker compose up starts is started here without containers: the same
// secrets, directory, configuration and environment, with other addresses.
func TestCompositionLetsPeopleIn(t *testing.T) {
	secrets := t.TempDir()
	runToEnd(t, exec.Command("sh", "compose/secrets.sh", secrets))
	directory := startDirectory(t, filepath.Join(secrets, "ldap.password"))
	listen, admin := freeAddress(t), freeAddress(t)
	config := replaceAll(t, readFile(t, "compose/claimsmith.yaml"), map[string]string{
		"0.0.0.0:8080":   listen,
		"0.0.0.0:9080":   admin,
		"127.0.0.1:8080": listen,
		"postgres://claimsmith@postgres/claimsmith?sslmode=disable": database(t, filepath.Join(secrets, "postgres.password")),
		"ldap://ldap:1389": directory,
		"/run/claimsmith/": secrets + "/",
	})
	file := filepath.Join(t.TempDir(), "claimsmith.yaml")
	writeFile(t, file, config)

	environment := readComposition(t).Services["claimsmith"].Environment
	s := server{
		binary: imageBinary(t), Issuer: "http://" + listen,
		ClientID: "demo", ClientSecret: environment["DEMO_CLIENT_SECRET"],
	}
	inside := func(args ...string) *exec.Cmd { // what the image's ENV and docker-compose.yml set, and no more
		cmd := exec.Command(s.binary, args...)
		cmd.Env = []string{"CLAIMSMITH_CONFIG=" + file}
		for name, value := range environment {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
		return cmd
	}
	keep(t, inside("serve"))
	eventually(t, func() bool { return ready("http://" + admin) }, "claimsmith to be ready")

	relying := startService(t, goService(t), s.Issuer, s.Issuer)
	add := inside("user", "add", "dave", "--name", "Dave Smith", "--password-stdin")
	add.Stdin = strings.NewReader("a long enough password\n")
	runToEnd(t, add)
	people := []struct {
		username, password string
		want               map[string]any
	}{
		{"alice", "wonderland", map[string]any{
			"sub": "641b54d7-6616-4968-ae33-8a31a9ba6cee", "name": "Alice Liddell", "email": "alice@example.com", "groups": []any{"admins", "staff"}}},
		{"bob", "builder", map[string]any{
			"sub": "fba46421-53f2-409e-b233-83a85a1c5c19", "name": "Bob Mason", "email": "bob@example.com", "groups": []any{"staff"}}},
		{"carol", "rabbit", map[string]any{
			"sub": "b526177d-14f5-4a9f-a4a4-b2912534c73d", "name": "Carol Lewis", "email": "carol@example.com", "groups": []any{}}},
		{"dave", "a long enough password", map[string]any{"name": "Dave Smith", "groups": []any{}}}, // whom the directory does not know
	}
	for _, p := range people {
		claims := askUntil(t, relying, s.login(t, p.username, p.password), http.StatusOK).Claims
		got := map[string]any{}
		for name := range p.want {
			got[name] = claims[name]
		}
		if diff := cmp.Diff(p.want, got); diff != "" {
			t.Errorf("claims of %s (-want +got):\n%s", p.username, diff)
		}
	}
}

// startDirectory runs the directory's start.sh until the end of the test and
// returns its URL.
func startDirectory(t *testing.T, passwordFile string) string {
	t.Helper()
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin")
	if _, err := exec.LookPath("slapd"); err != nil {
		servertest.Missing(t, "slapd is not installed (Debian: apt-get install slapd ldap-utils)")
	}
	address := freeAddress(t)
	cmd := exec.Command("sh", "compose/ldap/start.sh")
	cmd.Env = append(os.Environ(), "LISTEN=ldap://"+address, "PEOPLE=compose/people.ldif", "PASSWORD_FILE="+passwordFile, "DATA="+t.TempDir())
	keep(t, cmd)
	eventually(t, func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	}, "the directory to be ready")
	return "ldap://" + address
}

// database returns the URL of a database without its password, which it writes to a file.
func database(t *testing.T, passwordFile string) string {
	t.Helper()
	u, err := url.Parse(servertest.PostgreSQL(t))
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	writeFile(t, passwordFile, password)
	u.User = url.User(u.User.Username())
	return u.String()
}

// freeAddress is an address on loopback that nothing listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// replaceAll replaces texts that must be there, at their first places first.
func replaceAll(t *testing.T, text string, replacements map[string]string) string {
	t.Helper()
	var pairs []string
	for old, replacement := range replacements {
		if !strings.Contains(text, old) {
			t.Fatalf("%s is not in\n%s", old, text)
		}
		pairs = append(pairs, old, replacement)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}
