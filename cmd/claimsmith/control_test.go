package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/plugins/host"
)

// plugins asks a running server for its plugins, by the command.
func (p *program) plugins(dir string) map[string]host.Status {
	p.t.Helper()
	var list []host.Status
	if err := json.Unmarshal([]byte(claimsmith(p.t, dir, "plugin", "list", "--json", "--config", "claimsmith.yaml")), &list); err != nil {
		p.t.Fatal(err)
	}
	byName := map[string]host.Status{}
	for _, s := range list {
		byName[s.Name] = s
	}
	return byName
}

// refused runs a command that must fail and returns what it says.
func refused(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := command(t, dir, args...).CombinedOutput()
	if err == nil {
		t.Fatalf("claimsmith %s: did not fail:\n%s", strings.Join(args, " "), out)
	}
	return string(out)
}

func TestPluginsAreListedAndUpgraded(t *testing.T) {
	t.Parallel()
	listen := freeAddress(t)
	dir := newSite(t, listen, "", "")
	secrets := populate(t, dir)
	if got := refused(t, dir, "plugin", "list", "--config", "claimsmith.yaml"); !strings.Contains(got, "no server runs") || !strings.Contains(got, "hint: start it") {
		t.Errorf("list without a server: %s", got)
	}
	p := start(t, dir, listen)
	login := func() reply {
		return p.token("portal", secrets.client, "grant_type=password", "username=alice", "password="+secrets.password)
	}
	if r := login(); r.Status != http.StatusOK {
		t.Fatalf("login: %+v", r)
	}
	before := p.plugins(dir)
	people := before["people"]
	if len(before) != 2 || people.State != host.Serving || people.Plugin != "database" || people.Calls != 1 || people.MedianMS == 0 {
		t.Errorf("plugins: %+v", before)
	}

	// What the file says by now is what the new process is started with.
	config := readFile(t, dir, "claimsmith.yaml")
	writeFile(t, dir, "claimsmith.yaml", strings.Replace(config, "{use: database}", "{use: database, config: {url: 'sqlite:/dev/null/a.db'}}", 1))
	if got := refused(t, dir, "plugin", "upgrade", "people", "--config", "claimsmith.yaml"); !strings.Contains(got, "people") || !strings.Contains(got, "goes on serving") {
		t.Errorf("upgrade to what cannot start: %s", got)
	}
	writeFile(t, dir, "claimsmith.yaml", strings.Replace(config, "{use: database}", "{use: database, cofnig: {}}", 1))
	if got := refused(t, dir, "plugin", "upgrade", "people", "--config", "claimsmith.yaml"); !strings.Contains(got, `unknown key "cofnig"`) {
		t.Errorf("upgrade with a faulty file: %s", got)
	}
	if got := p.plugins(dir)["people"]; got.PID != people.PID {
		t.Errorf("after two failed upgrades: %+v", got)
	}
	writeFile(t, dir, "claimsmith.yaml", config)
	if got := claimsmith(t, dir, "plugin", "upgrade", "people", "--config", "claimsmith.yaml"); !strings.Contains(got, "serving") {
		t.Errorf("upgrade: %s", got)
	}
	if got := p.plugins(dir)["people"]; got.PID == people.PID || got.Restarts != 0 {
		t.Errorf("after the upgrade: %+v", got)
	}
	if r := login(); r.Status != http.StatusOK {
		t.Errorf("login after the upgrade: %+v", r)
	}
	if got := refused(t, dir, "plugin", "upgrade", "nobody", "--config", "claimsmith.yaml"); !strings.Contains(got, `no plugin "nobody" runs`) {
		t.Errorf("upgrade of nothing: %s", got)
	}
	checkPluginMetrics(t, p)
	p.stop()
	if _, err := os.Stat(filepath.Join(dir, "control.sock")); !os.IsNotExist(err) {
		t.Errorf("after the end, the control socket: %v", err)
	}
}

func checkPluginMetrics(t *testing.T, p *program) {
	t.Helper()
	resp, err := http.Get(p.Admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	metrics, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`claimsmith_plugin_state{plugin="people",state="serving"} 1`,
		`claimsmith_plugin_state{plugin="people",state="waiting"} 0`,
		`claimsmith_plugin_info{implementation="database",plugin="people",sha256="",version="`,
		`claimsmith_plugin_restarts_total{plugin="people"} 0`,
		`claimsmith_plugin_calls_total{outcome="ok",plugin="people"} 2`,
		`claimsmith_plugin_calls_in_flight{plugin="people"} 0`,
		`claimsmith_plugin_breaker_open{plugin="people"} 0`,
		`claimsmith_plugin_call_duration_seconds_count{plugin="people"} 2`,
	} {
		if !strings.Contains(string(metrics), want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
}

// A replica that finds the data directory taken serves all the same.
func TestTwoServersOnOneDataDirectory(t *testing.T) {
	t.Parallel()
	listen := freeAddress(t)
	dir := newSite(t, listen, "", "")
	first := start(t, dir, listen)
	second := start(t, dir, freeAddress(t))
	second.await("a word that commands cannot reach it", func() bool {
		return strings.Contains(second.log.String(), "commands cannot reach this server")
	})
	second.stop()
	if got := first.plugins(dir)["people"]; got.State != host.Serving {
		t.Errorf("the first server's plugin: %+v", got)
	}
}

func readFile(t testing.TB, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
