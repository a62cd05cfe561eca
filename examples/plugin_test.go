package examples_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/internal/servertest"
	"github.com/claimsmith/claimsmith/plugins/host"
	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
)

func TestGoPluginBehaves(t *testing.T) {
	p := pluginProcess(t, host.Config{Command: []string{goPlugin(t)}})
	p.Config = json.RawMessage(readFile(t, "plugin-go/keys.json"))
	p.APIKey = "acme-7e1f0c2d9b4a48d6"
	sdktest.Run(t, p)
}

// docs/plugins.md shows the plugin as it is, and what its test really prints.
func TestPluginDocsAreTrue(t *testing.T) {
	docs := readFile(t, "../docs/plugins.md")
	for name, language := range map[string]string{"main.go": "go", "main_test.go": "go", "keys.json": "json"} {
		if !strings.Contains(docs, "```"+language+"\n"+readFile(t, "plugin-go/"+name)+"```\n") {
			t.Errorf("docs/plugins.md does not show plugin-go/%s as it is", name)
		}
	}
	test := exec.Command(imageBinary(t), "plugin", "test", goPlugin(t), "--config", "plugin-go/keys.json", "--api-key-stdin")
	test.Stdin = strings.NewReader("acme-7e1f0c2d9b4a48d6\n")
	hash := regexp.MustCompile(`[0-9a-f]{64}`)
	_, shown, _ := strings.Cut(docs, "```text\nplugin   ")
	shown, _, _ = strings.Cut("plugin   "+shown, "```")
	if diff := cmp.Diff(hash.ReplaceAllString(shown, "HASH"), hash.ReplaceAllString(runToEnd(t, test), "HASH")); diff != "" {
		t.Errorf("claimsmith plugin test prints (-docs/plugins.md +now):\n%s", diff)
	}
}

// The plugin's own test is one that an outsider writes.
func TestGoPluginsOwnTest(t *testing.T) {
	test := exec.Command("go", "test", "-count=1", ".")
	test.Dir = "plugin-go"
	test.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=off")
	runToEnd(t, test)
}

// goPlugin builds the plugin as an outsider does: in a module of its own.
func goPlugin(t *testing.T) string {
	t.Helper()
	executable := filepath.Join(t.TempDir(), "partnerkeys")
	build := exec.Command("go", "build", "-o", executable, ".")
	build.Dir = "plugin-go"
	build.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=off")
	runToEnd(t, build)
	return executable
}

func TestNodePluginBehaves(t *testing.T) {
	command := nodePlugin(t)
	p := pluginProcess(t, host.Config{Command: command})
	p.Config = peopleOverWhomItFails(t)
	p.Password = sdktest.Password{User: "alice", Secret: "wonderland"}
	p.PanicUser, p.HugeUser = "mallory", "methuselah"
	sdktest.Run(t, p)

	t.Run("without mutual TLS", func(t *testing.T) {
		process, err := host.Start(t.Context(), host.Config{
			Name: "people", Command: command, InsecureUnpinned: true, NoAutoMTLS: true, Settings: p.Config, Dir: t.TempDir(),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer process.Stop()
		id, err := process.Client().Authenticate(t.Context(), sdk.Request{Credential: sdk.Credential{
			Kind: sdk.Password, Username: "alice", Secret: "wonderland",
		}})
		if err != nil || id.Name != "Alice Liddell" || id.Groups[0] != "staff" || id.Claims["badge"] != int64(7) || id.Scopes != nil {
			t.Errorf("%+v, %v", id, err)
		}
	})
}

// The protocol that the plugin in JavaScript speaks is ours.
func TestNodePluginHasTheProtocol(t *testing.T) {
	if readFile(t, "plugin-node/plugin.proto") != readFile(t, "../plugins/sdk/plugin.proto") {
		t.Error("the two files differ; hint: cp plugins/sdk/plugin.proto examples/plugin-node/")
	}
}

// pluginProcess is a plugin under test that runs as the server runs it.
func pluginProcess(t *testing.T, c host.Config) sdktest.Plugin {
	dir, log := t.TempDir(), filepath.Join(t.TempDir(), "log")
	file, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	c.Name, c.InsecureUnpinned, c.Dir, c.Log = "example", true, dir, slog.New(slog.NewTextHandler(file, nil))
	return sdktest.Plugin{
		Start: func(ctx context.Context, config json.RawMessage) (*sdk.Client, func(), error) {
			c := c
			c.Settings = config
			process, err := host.Start(ctx, c)
			if err != nil {
				return nil, nil, err
			}
			return process.Client(), process.Stop, nil
		},
		Log: func() string { return readFile(t, log) },
	}
}

// nodePlugin installs the plugin in JavaScript in a copy and returns its command.
func nodePlugin(t *testing.T) []string {
	node := nodeProgram(t)
	npm, err := exec.LookPath("npm")
	if err != nil {
		servertest.Missing(t, "npm is not installed (Debian: apt-get install npm)")
	}
	dir := t.TempDir()
	files, err := os.ReadDir("plugin-node")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Type().IsRegular() {
			writeFile(t, filepath.Join(dir, f.Name()), readFile(t, filepath.Join("plugin-node", f.Name())))
		}
	}
	install := exec.Command(npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--no-update-notifier")
	install.Dir = dir
	runToEnd(t, install)
	return []string{node, filepath.Join(dir, "main.js")}
}

// peopleOverWhomItFails adds to the people of the example one whose hash is not
// text, which makes the code throw, and one with too many claims.
func peopleOverWhomItFails(t *testing.T) json.RawMessage {
	var config struct {
		People map[string]map[string]any `json:"people"`
	}
	if err := json.Unmarshal([]byte(readFile(t, "plugin-node/people.json")), &config); err != nil {
		t.Fatal(err)
	}
	alice := config.People["alice"]
	config.People["mallory"] = map[string]any{"salt": "x", "hash": 7}
	config.People["methuselah"] = map[string]any{
		"salt": alice["salt"], "hash": alice["hash"],
		"claims": map[string]any{"memories": strings.Repeat("x", sdk.MaxClaims)},
	}
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
