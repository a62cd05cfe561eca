package config

import (
	"fmt"
	"net/url"

	"github.com/goccy/go-yaml"
)

// YAML returns the configuration with its defaults filled in. Secrets are
// shown as where they stand; one that stands in the file itself is left out, but for
// those that a program's own configuration holds outside a URL.
func (c *Config) YAML() ([]byte, error) {
	shown := *c
	shown.Storage.URL = withoutPassword(c.Storage.URL)
	shown.Tracing.Endpoint = withoutPassword(c.Tracing.Endpoint)
	shown.Plugins = make(map[string]Plugin, len(c.Plugins))
	for name, p := range c.Plugins {
		var err error
		if shown.Plugins[name], err = p.shown(); err != nil {
			return nil, err
		}
	}
	text, err := yaml.MarshalWithOptions(shown, yaml.OmitEmpty(), yaml.UseLiteralStyleIfMultiline(true))
	if err != nil {
		return nil, fmt.Errorf("show configuration: %w", err)
	}
	return text, nil
}

// withoutPassword takes the password out of a URL.
func withoutPassword(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "(not readable)"
	}
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	if q := u.Query(); q.Has("password") {
		q.Del("password")
		u.RawQuery = q.Encode()
	}
	return u.String()
}
