package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/claimsmith/claimsmith/plugins/host"
)

// The list, the metrics and the readiness of plugins tell the same, of two
// instances of one executable each for itself.
func TestPluginsAreToldAlikeEverywhere(t *testing.T) {
	t.Parallel()
	listen := freeAddress(t)
	dir := newSite(t, listen, "", "")
	site := partner{dir: dir, listen: listen, mark: "first"}
	site.path, site.sha256 = newFaulty(t, "1")
	site.write(t)
	writeFile(t, dir, "claimsmith.yaml", strings.Replace(readFile(t, dir, "claimsmith.yaml"), "issuers:", fmt.Sprintf(
		"  second: {command: [%s], sha256: %s, config: {mark: second}}\nissuers:", site.path, site.sha256), 1))
	out := claimsmith(t, dir, "client", "create", "portal", "--config", "claimsmith.yaml", "--grant", "password")
	client := field(t, out, "client_secret")
	p := start(t, dir, listen)
	login := func(name string) int {
		return p.token("portal", client, "grant_type=password", "username="+name, "password=secret-of-"+name).Status
	}
	if got := login("alice"); got != http.StatusOK {
		t.Fatalf("login: %d", got)
	}
	hung := make(chan int, 1)
	go func() { hung <- login("hang") }()
	p.await("a call under way", func() bool { return p.plugins(dir)["partner"].InFlight == 1 })
	list := p.plugins(dir)
	if a, b := list["partner"], list["second"]; a.PID == b.PID || a.Calls != 2 || b.Calls != 0 || a.SHA256 != site.sha256 || b.SHA256 != site.sha256 || a.Version != "1.0.0" {
		t.Errorf("two instances: %+v", list)
	}
	p.checkStates(dir)
	if got := <-hung; got != http.StatusServiceUnavailable {
		t.Errorf("the call that hangs: %d", got)
	}

	// It dies and cannot come back while another file is in its place.
	other, _ := newFaulty(t, "2")
	if err := os.Rename(site.path, site.path+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(other, site.path); err != nil {
		t.Fatal(err)
	}
	signalPlugin(t, list["partner"].PID, syscall.SIGKILL)
	p.await("the plugin to be down for longer", func() bool {
		s := p.plugins(dir)["partner"]
		return s.State == host.Waiting && strings.Contains(s.LastError, "has sha256")
	})
	if ready, faults := p.readiness(); ready || faults["plugin partner"] == "" || faults["plugin second"] != "" {
		t.Errorf("readiness while partner is down: %t, %v", ready, faults)
	}
	if err := os.Rename(site.path+".away", site.path); err != nil {
		t.Fatal(err)
	}
	p.await("the plugin", func() bool { return login("alice") == http.StatusOK })
	if s := p.plugins(dir)["partner"]; s.State != host.Serving || s.Restarts == 0 || s.PID == list["partner"].PID {
		t.Errorf("afterwards: %+v", s)
	}
	if ready, faults := p.readiness(); !ready {
		t.Errorf("readiness afterwards: %v", faults)
	}
	p.checkStates(dir)
}

// readiness returns what /readyz says: whether, and the checks that fail.
func (p *program) readiness() (ready bool, faults map[string]string) {
	p.t.Helper()
	resp, err := http.Get(p.Admin + "/readyz")
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Checks map[string]string `json:"checks"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		p.t.Fatal(err)
	}
	faults = map[string]string{}
	for name, state := range answer.Checks {
		if state != "ok" {
			faults[name] = state
		}
	}
	return resp.StatusCode == http.StatusOK, faults
}

// checkStates checks that the metrics of plugins say what the list does, once
// nothing happens between the two.
func (p *program) checkStates(dir string) {
	p.t.Helper()
	var differences []string
	for range 10 {
		if differences = p.compareStates(dir); len(differences) == 0 {
			return
		}
	}
	p.t.Errorf("the metrics and the list differ:\n%s", strings.Join(differences, "\n"))
}

func (p *program) compareStates(dir string) (differences []string) {
	p.t.Helper()
	resp, err := http.Get(p.Admin + "/metrics")
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	// value sums the samples of a plugin that have all of the labels, given as name, value.
	value := func(metric, plugin string, labels ...string) (sum float64) {
		for _, m := range families[metric].GetMetric() {
			if has(m, append(labels, "plugin", plugin)) {
				sum += m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
		return sum
	}
	for name, s := range p.plugins(dir) {
		for what, pair := range map[string][2]float64{
			"state":     {value("claimsmith_plugin_state", name, "state", string(s.State)), 1},
			"states":    {value("claimsmith_plugin_state", name), 1},
			"info":      {value("claimsmith_plugin_info", name, "implementation", s.Plugin, "version", s.Version, "sha256", s.SHA256), 1},
			"restarts":  {value("claimsmith_plugin_restarts_total", name), float64(s.Restarts)},
			"in flight": {value("claimsmith_plugin_calls_in_flight", name), float64(s.InFlight)},
			"calls": {value("claimsmith_plugin_calls_total", name) + value("claimsmith_plugin_calls_in_flight", name) -
				value("claimsmith_plugin_calls_total", name, "outcome", "refused"), float64(s.Calls)},
			"latencies": {value("claimsmith_plugin_call_duration_seconds", name), float64(s.Calls - s.InFlight)},
		} {
			if pair[0] != pair[1] {
				differences = append(differences, fmt.Sprintf("%s of %s: the metrics say %v, the list %v", what, name, pair[0], pair[1]))
			}
		}
	}
	return differences
}

// has reports whether a sample has labels, given as name, value.
func has(m *dto.Metric, labels []string) bool {
	of := map[string]string{}
	for _, l := range m.Label {
		of[l.GetName()] = l.GetValue()
	}
	for i := 0; i < len(labels); i += 2 {
		if of[labels[i]] != labels[i+1] {
			return false
		}
	}
	return true
}
