package main

import (
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

const monitoring = "../../docs/monitoring/"

// scraped returns the labels of each metric that a server exports which has
// been asked for something.
func scraped(t *testing.T) map[string][]string {
	t.Helper()
	listen := freeAddress(t)
	dir := newSite(t, listen, "", "    dialects: [{dialect: woodwing, client: portal}]\naudit: {keep: 1d}\n")
	secrets := populate(t, dir)
	p := start(t, dir, listen)
	token := p.token("portal", secrets.client, "grant_type=client_credentials").AccessToken
	if resp, err := http.PostForm(p.URL+"/oauth2/introspect", map[string][]string{"token": {token}, "client_id": {"portal"}, "client_secret": {secrets.client}}); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp, err)
	}
	if resp, err := http.Post(p.URL+"/services/logout", "", nil); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp, err)
	}
	resp, err := http.Get(p.Admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	labels := map[string][]string{}
	for name, family := range families {
		labels[name] = []string{}
		for _, m := range family.Metric {
			labels[name] = append(labels[name], labelsOf(m)...)
		}
		slices.Sort(labels[name])
		labels[name] = slices.Compact(labels[name])
		if family.GetType() == dto.MetricType_HISTOGRAM {
			labels[name+"_bucket"] = append(slices.Clone(labels[name]), "le")
		}
	}
	return labels
}

func labelsOf(m *dto.Metric) (names []string) {
	for _, l := range m.Label {
		names = append(names, l.GetName())
	}
	return names
}

// What stands in an expression of PromQL, as far as we use it.
var (
	quoted     = regexp.MustCompile(`"[^"]*"`)
	ranges     = regexp.MustCompile(`\[[^\]]*\]`)
	matched    = regexp.MustCompile(`([a-z_]+)\s*(=~|!~|!=|=)\s*""`)
	grouped    = regexp.MustCompile(`\b(by|on)\s*\(([^)]*)\)`)
	metricName = regexp.MustCompile(`\b(claimsmith|go|process)_[a-z_]+\b`)
)

// checkExpression checks an expression's metrics and labels against those
// that there are.
func checkExpression(t *testing.T, where, expression string, known map[string][]string) {
	t.Helper()
	if expression == "" || strings.Count(expression, "(") != strings.Count(expression, ")") || strings.Count(expression, "{") != strings.Count(expression, "}") {
		t.Errorf("%s: %q is not whole", where, expression)
	}
	bare := ranges.ReplaceAllString(quoted.ReplaceAllString(expression, `""`), "")
	labels := []string{"instance", "job"}
	for _, name := range metricName.FindAllString(bare, -1) {
		if _, ok := known[name]; !ok {
			t.Errorf("%s: there is no metric %s", where, name)
		}
		labels = append(labels, known[name]...)
	}
	for _, m := range matched.FindAllStringSubmatch(bare, -1) {
		if !slices.Contains(labels, m[1]) {
			t.Errorf("%s: no metric in it has a label %s", where, m[1])
		}
	}
	for _, m := range grouped.FindAllStringSubmatch(bare, -1) {
		for label := range strings.SplitSeq(m[2], ",") {
			if !slices.Contains(labels, strings.TrimSpace(label)) {
				t.Errorf("%s: no metric in it has a label %s", where, label)
			}
		}
	}
}

func readMonitoring(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(monitoring + name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestMonitoringFitsTheMetrics(t *testing.T) {
	t.Parallel()
	known := scraped(t)

	var alerts struct {
		Groups []struct {
			Rules []struct {
				Alert       string            `yaml:"alert"`
				Expr        string            `yaml:"expr"`
				For         model.Duration    `yaml:"for"`
				Labels      map[string]string `yaml:"labels"`
				Annotations map[string]string `yaml:"annotations"`
			} `yaml:"rules"`
			Name string `yaml:"name"`
		} `yaml:"groups"`
	}
	if err := yaml.UnmarshalWithOptions(readMonitoring(t, "alerts.yaml"), &alerts, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	for _, r := range alerts.Groups[0].Rules {
		checkExpression(t, r.Alert, r.Expr, known)
		if r.Annotations["summary"] == "" || r.Annotations["description"] == "" || r.Labels["severity"] == "" {
			t.Errorf("%s says too little: %+v", r.Alert, r)
		}
	}

	var dashboard struct {
		Panels []struct {
			ID      int    `json:"id"`
			Title   string `json:"title"`
			Targets []struct {
				Expr string `json:"expr"`
			} `json:"targets"`
		} `json:"panels"`
	}
	if err := json.Unmarshal(readMonitoring(t, "dashboard.json"), &dashboard); err != nil {
		t.Fatal(err)
	}
	for i, p := range dashboard.Panels {
		if p.ID != i+1 || len(p.Targets) == 0 {
			t.Errorf("panel %d: id %d, %d targets", i+1, p.ID, len(p.Targets))
		}
		for _, target := range p.Targets {
			checkExpression(t, p.Title, target.Expr, known)
		}
	}
	if len(alerts.Groups[0].Rules) < 8 || len(dashboard.Panels) < 12 {
		t.Errorf("%d alerts, %d panels", len(alerts.Groups[0].Rules), len(dashboard.Panels))
	}

	row := regexp.MustCompile("(?m)^\\| `(claimsmith_[a-z_]+)` \\|([a-z0-9_, ]*)\\|")
	documented := map[string][]string{}
	for _, m := range row.FindAllStringSubmatch(string(readMonitoring(t, "README.md")), -1) {
		names := strings.FieldsFunc(m[2], func(r rune) bool { return r == ',' || r == ' ' })
		slices.Sort(names)
		documented[m[1]] = append([]string{}, names...)
	}
	exported := map[string][]string{}
	for name, labels := range known {
		if strings.HasPrefix(name, "claimsmith_") && !strings.HasSuffix(name, "_bucket") {
			exported[name] = labels
		}
	}
	if diff := cmp.Diff(exported, documented); diff != "" {
		t.Errorf("docs/monitoring/README.md lists other metrics than there are (-exported +documented):\n%s", diff)
	}
}
