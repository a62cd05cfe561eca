package config

import (
	"cmp"
	_ "embed" // the source of the schema's descriptions
	"fmt"
	"net/netip"
	"net/url"
	"reflect"
	"time"

	"github.com/claimsmith/claimsmith/internal/strictyaml"
	"github.com/claimsmith/claimsmith/server/authn"
)

//go:embed guard.go
var guardSource []byte

// Throttle says how often somebody may fail to log in.
type Throttle struct {
	// Nobody is throttled.
	Off bool `yaml:"off"`
	// For one person from one address. All addresses that the person never
	// logged in from share one more; those that are known share as many. Stay
	// below half of what locks an account in your directory. Default 4 in 15m.
	Person Limit `yaml:"person"`
	// From one address, for whomever: an IPv4 address, or an IPv6 /64. Default 100 in 15m.
	Address Limit `yaml:"address"`
	// Passed on by one client. Default 1000 in 15m.
	Client Limit `yaml:"client"`
	// People of one name in two organisations are two people, to every plugin.
	// Leave it out where a plugin ignores the organisation.
	Organisations bool `yaml:"organisations"`
}

// Limit is so many failures within a time.
type Limit struct {
	Failures int                 `yaml:"failures" jsonschema:"minimum=1,maximum=1000000"`
	Window   strictyaml.Duration `yaml:"window"`
}

// Audit says where events go.
type Audit struct {
	// A file that events are appended to, each a line of JSON; - for standard
	// output. Default: the log on standard error. SIGHUP opens it anew.
	File string `yaml:"file"`
	// While an event cannot be written nobody logs in.
	Required bool `yaml:"required"`
	// Keep events in storage for so long; claimsmith events list shows them. Default 0s: not at all.
	Keep strictyaml.Duration `yaml:"keep"`
}

// Tracing says where OpenTelemetry traces go.
type Tracing struct {
	// An OTLP/HTTP collector: http://HOST:4318. Default: no traces.
	Endpoint string `yaml:"endpoint"`
	// The share of requests that are traced, from 0 to 1. Default 1.
	Sample *float64 `yaml:"sample" jsonschema:"minimum=0,maximum=1"`
}

func (l Limit) limit() authn.Limit { return authn.Limit{Failures: l.Failures, Window: l.Window.Std()} }

// Limits are the throttle's.
func (t Throttle) Limits() authn.Limits {
	return authn.Limits{
		Person: t.Person.limit(), Address: t.Address.limit(), Client: t.Client.limit(), Organisations: t.Organisations,
	}
}

// fill fills in the defaults.
func (t *Throttle) fill() {
	or := func(l *Limit, failures int) {
		l.Failures = cmp.Or(l.Failures, failures)
		l.Window = cmp.Or(l.Window, strictyaml.Duration(15*time.Minute))
	}
	or(&t.Person, 4)
	or(&t.Address, 100)
	or(&t.Client, 1000)
}

func (t *Tracing) fill() {
	if t.Sample == nil {
		t.Sample = new(1.0)
	}
}

// Proxies are the trusted ones.
func (c *Config) Proxies() []netip.Prefix { return c.proxies }

// EventsFile is where events are appended, "" for the log.
func (c *Config) EventsFile() string {
	if c.Audit.File == "" || c.Audit.File == "-" {
		return c.Audit.File
	}
	return within(c.Dir, c.Audit.File)
}

func (c *checker) checkGuard() {
	for i, text := range c.TrustedProxies {
		p, err := netip.ParsePrefix(text)
		if a, err2 := netip.ParseAddr(text); err2 == nil {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil || p.Addr().Is4In6() {
			c.doc.Fault(fmt.Sprintf("trusted_proxies[%d]", i), "not an address or a network", "write 10.0.0.7, 10.0.0.0/8 or 2001:db8::/32")
			continue
		}
		c.proxies = append(c.proxies, p.Masked())
	}
	for path, window := range map[string]strictyaml.Duration{
		"throttle.person.window": c.Throttle.Person.Window, "throttle.address.window": c.Throttle.Address.Window,
		"throttle.client.window": c.Throttle.Client.Window,
	} {
		if window.Std() < time.Second || window.Std() > 24*time.Hour {
			c.doc.Fault(path, "not between 1s and 24h", "")
		}
	}
	if level := c.Log.Level; c.Audit.Required && c.Audit.File == "" && level != "info" && level != "debug" {
		c.doc.Fault("audit.required", "log.level leaves events out of the log", "give audit.file, or set log.level to info")
	}
	if u, err := url.Parse(c.Tracing.Endpoint); c.Tracing.Endpoint != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		c.doc.Fault("tracing.endpoint", "not a URL", "write http://HOST:4318, or https")
	}
}

// Fixed returns the keys whose values cannot change while the server runs and
// which next, the same file read later, has others for.
func (c *Config) Fixed(next *Config) []string {
	var changed []string
	for _, key := range []struct {
		name     string
		old, new any
	}{
		{"listen", c.asRead.listen, next.asRead.listen},
		{"admin", c.asRead.admin, next.asRead.admin},
		{"tls", c.TLS, next.TLS},
		{"log.format", c.Log.Format, next.Log.Format},
		{"storage", c.Storage, next.Storage},
		{"storage.password", c.password, next.password},
		{"master_keys", c.masterKeys, next.masterKeys},
		{"audit", c.Audit, next.Audit},
		{"tracing.endpoint", c.Tracing.Endpoint, next.Tracing.Endpoint},
	} {
		if !reflect.DeepEqual(key.old, key.new) {
			changed = append(changed, key.name)
		}
	}
	return changed
}
