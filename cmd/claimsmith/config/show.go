package config

import (
	"fmt"
	"net/url"

	"github.com/goccy/go-yaml"
)

// YAML returns the configuration with its defaults filled in. Secrets are
// shown as where they stand; one in a URL is left out.
func (c *Config) YAML() ([]byte, error) {
	shown := *c
	shown.Storage.URL = withoutPassword(c.Storage.URL)
	text, err := yaml.MarshalWithOptions(shown, yaml.OmitEmpty(), yaml.UseLiteralStyleIfMultiline(true))
	if err != nil {
		return nil, fmt.Errorf("show configuration: %w", err)
	}
	return text, nil
}

// withoutPassword takes the password out of a database's URL.
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
