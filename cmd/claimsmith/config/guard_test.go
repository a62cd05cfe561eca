package config

import (
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/server/authn"
)

const minimal = `
storage: {url: sqlite:claimsmith.db}
master_keys: [{id: a, key: {file: master.key}}]
issuers: [{url: http://127.0.0.1:8080}]
`

// loaded loads the minimal configuration and more.
func loaded(t *testing.T, more string) (*Config, error) {
	t.Helper()
	dir := newDir(t, map[string]string{"claimsmith.yaml": minimal + more})
	return Load(filepath.Join(dir, "claimsmith.yaml"), "")
}

func TestGuard(t *testing.T) {
	c, err := loaded(t, `
trusted_proxies: [10.0.0.7, 10.1.2.3/8, "2001:db8::/32"]
throttle: {person: {failures: 2}, organisations: true}
`)
	if err != nil {
		t.Fatal(err)
	}
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.7/32"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	if diff := cmp.Diff(proxies, c.Proxies(), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("proxies (-want +got):\n%s", diff)
	}
	const window = 15 * time.Minute
	limits := authn.Limits{
		Person: authn.Limit{Failures: 2, Window: window}, Address: authn.Limit{Failures: 100, Window: window},
		Client: authn.Limit{Failures: 1000, Window: window}, Organisations: true,
	}
	if diff := cmp.Diff(limits, c.Throttle.Limits()); diff != "" {
		t.Errorf("limits (-want +got):\n%s", diff)
	}
}

func TestFaultsOfTheGuard(t *testing.T) {
	for more, want := range map[string]string{
		"trusted_proxies: [example.com]":              "not an address or a network",
		"trusted_proxies: ['::ffff:10.0.0.1']":        "not an address or a network",
		"throttle: {person: {window: 10ms}}":          "not between 1s and 24h",
		"throttle: {address: {failures: 0}}":          "failures",
		"tracing: {endpoint: localhost}":              "not a URL",
		"tracing: {sample: 2}":                        "sample",
		"log: {level: warn}\naudit: {required: true}": "log.level leaves events out",
		"audit: {keep: forever}":                      "a duration is wanted",
	} {
		if _, err := loaded(t, more); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", more, err, want)
		}
	}
}

func TestWhatCannotChangeWhileTheServerRuns(t *testing.T) {
	load := func(more string) *Config {
		c, err := loaded(t, more)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	old := load("")
	old.Listen = "127.0.0.1:1" // by a flag
	for more, want := range map[string][]string{
		"":                                nil,
		"throttle: {off: true}":           nil,
		"trusted_proxies: [10.0.0.0/8]":   nil,
		"listen: 127.0.0.1:9":             {"listen"},
		"audit: {keep: 1d}":               {"audit"},
		"tracing: {sample: 0.5}":          nil,
		"log: {level: debug}":             nil,
		"tracing: {endpoint: http://a:1}": {"tracing.endpoint"},
		"log: {format: text}\nadmin: off": {"admin", "log.format"},
	} {
		if diff := cmp.Diff(want, old.Fixed(load(more))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", more, diff)
		}
	}
}
