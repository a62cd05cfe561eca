package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/internal/servertest"
)

// startPrometheus starts a Prometheus with our alert rules that scrapes a server
// every second, and returns its URL once it has.
func startPrometheus(t *testing.T, p *program) string {
	t.Helper()
	if _, err := exec.LookPath("prometheus"); err != nil {
		servertest.Missing(t, "Prometheus is not installed (Debian: apt-get install prometheus)")
	}
	rules, err := filepath.Abs(monitoring + "alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir, listen := t.TempDir(), freeAddress(t)
	writeFile(t, dir, "prometheus.yml", fmt.Sprintf(`
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [%q]
scrape_configs:
  - job_name: claimsmith
    static_configs: [{targets: [%q]}]
`, rules, strings.TrimPrefix(p.Admin, "http://")))
	cmd := exec.Command("prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.listen-address="+listen, "--log.level=error")
	cmd.Dir, cmd.Stderr = dir, t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	u := "http://" + listen
	p.await("Prometheus to scrape", func() bool {
		var answer prometheusAnswer
		return getJSON(u+"/api/v1/query?query=claimsmith_build_info", &answer) == nil && len(answer.Data.Result) > 0
	})
	return u
}

// prometheusAnswer is as much of an answer of Prometheus' API as we read.
type prometheusAnswer struct {
	Status string `json:"status"`
	Error  string `json:"error"`
	Data   struct {
		Result []json.RawMessage `json:"result"`
		Groups []struct {
			Rules []prometheusRule `json:"rules"`
		} `json:"groups"`
	} `json:"data"`
}

type prometheusRule struct {
	Name      string `json:"name"`
	Health    string `json:"health"`
	LastError string `json:"lastError"`
}

// expressions returns what stands under "expr" anywhere in a JSON document.
func expressions(v any) (all []string) {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if text, ok := member.(string); ok && name == "expr" {
				all = append(all, text)
			}
			all = append(all, expressions(member)...)
		}
	case []any:
		for _, member := range v {
			all = append(all, expressions(member)...)
		}
	}
	return all
}

// A real Prometheus loads and evaluates each alert rule, and answers each
// expression of the dashboard as Grafana sends it.
func TestPrometheusTakesRulesAndDashboard(t *testing.T) {
	t.Parallel()
	listen := freeAddress(t)
	dir := newSite(t, listen, "", "audit: {keep: 1d}\n")
	secrets := populate(t, dir)
	p := start(t, dir, listen)
	p.token("portal", secrets.client, "grant_type=client_credentials")
	u := startPrometheus(t, p)

	var rules prometheusAnswer
	p.await("the rules to be evaluated", func() bool {
		rules = prometheusAnswer{}
		if getJSON(u+"/api/v1/rules", &rules) != nil || len(rules.Data.Groups) != 1 {
			return false
		}
		return !slices.ContainsFunc(rules.Data.Groups[0].Rules, func(r prometheusRule) bool { return r.Health == "unknown" })
	})
	for _, r := range rules.Data.Groups[0].Rules {
		if r.Health != "ok" {
			t.Errorf("alert %s: %s %s", r.Name, r.Health, r.LastError)
		}
	}

	var dashboard any
	if err := json.Unmarshal(readMonitoring(t, "dashboard.json"), &dashboard); err != nil {
		t.Fatal(err)
	}
	variables := strings.NewReplacer("$__rate_interval", "1m", "$issuer", ".*")
	all := expressions(dashboard)
	for _, expression := range all {
		var answer prometheusAnswer
		err := getJSON(u+"/api/v1/query?query="+url.QueryEscape(variables.Replace(expression)), &answer)
		if err != nil || answer.Status != "success" {
			t.Errorf("%s: %v %s", expression, err, answer.Error)
		}
	}
	if len(all) < 20 || len(rules.Data.Groups[0].Rules) < 8 {
		t.Errorf("%d expressions, %d rules", len(all), len(rules.Data.Groups[0].Rules))
	}
}

// promtool finds nothing to say about names, help texts and types of the metrics.
func TestPromtoolTakesTheMetrics(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("promtool"); err != nil {
		servertest.Missing(t, "promtool is not installed (Debian: apt-get install prometheus)")
	}
	listen := freeAddress(t)
	dir := newSite(t, listen, "", "")
	populate(t, dir)
	p := start(t, dir, listen)
	resp, err := http.Get(p.Admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	cmd := exec.Command("promtool", "check", "metrics")
	cmd.Stdin = resp.Body
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}
