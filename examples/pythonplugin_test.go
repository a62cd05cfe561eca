package examples_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/claimsmith/claimsmith/internal/servertest"
	"github.com/claimsmith/claimsmith/plugins/host"
	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
)

func TestPythonPluginBehaves(t *testing.T) {
	command := pythonPlugin(t)
	p := pluginProcess(t, host.Config{Command: command})
	p.Config = json.RawMessage(readFile(t, "plugin-python/keys.json"))
	p.APIKey = "acme-7e1f0c2d9b4a48d6"
	sdktest.Run(t, p)

	t.Run("without mutual TLS", func(t *testing.T) {
		process, err := host.Start(t.Context(), host.Config{
			Name: "partnerkeys", Command: command, InsecureUnpinned: true, NoAutoMTLS: true, Settings: p.Config, Dir: t.TempDir(),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer process.Stop()
		id, err := process.Client().Authenticate(t.Context(), sdk.Request{Credential: sdk.Credential{Kind: sdk.APIKey, Secret: sdk.Secret(p.APIKey)}})
		if err != nil || id.Organisation != "Acme" || len(id.Roles) != 1 || id.Scopes != nil {
			t.Errorf("%+v, %v", id, err)
		}
	})
}

// pythonPlugin makes the plugin in Python in a copy and returns its command. It
// starts with nothing of our environment, as under the server.
func pythonPlugin(t *testing.T) []string {
	imports := exec.Command("/usr/bin/env", "-i", "python3", "-c", "import cryptography, google.protobuf, grpc")
	if err := imports.Run(); err != nil {
		servertest.Missing(t, "python3 lacks modules (Debian: apt-get install python3-grpcio python3-cryptography)")
	}
	protoc, err := exec.LookPath("protoc")
	if err != nil {
		servertest.Missing(t, "protoc is not installed (Debian: apt-get install protobuf-compiler)")
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("plugin-python")); err != nil {
		t.Fatal(err)
	}
	runToEnd(t, exec.Command(protoc, "-I", "../plugins/sdk", "--python_out="+dir, "plugin.proto"))
	return []string{filepath.Join(dir, "main.py")}
}
