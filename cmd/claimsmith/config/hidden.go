package config

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"

	"github.com/goccy/go-yaml"

	"github.com/claimsmith/claimsmith/internal/strictyaml"
)

// hidden stands for a secret that the file itself holds.
const hidden = "(left out)"

// secretKeys are the keys of a built-in plugin's configuration that its schema says
// hold a secret. Of a program's own nothing is known.
func secretKeys(plugin string) (keys []string) {
	var schema struct {
		Properties map[string]struct {
			WriteOnly bool `json:"writeOnly"`
		} `json:"properties"`
	}
	if text := PluginSchema(plugin); text != nil && json.Unmarshal(text, &schema) == nil {
		for key, property := range schema.Properties {
			if property.WriteOnly {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

// hide replaces the secrets that members of a plugin's configuration hold as text,
// under a key that is known for it or in a URL, and returns them.
func hide(plugin string, members map[string]any) (secrets []string) {
	for _, key := range secretKeys(plugin) {
		if secret, ok := members[key].(string); ok && secret != "" {
			secrets = append(secrets, secret)
			members[key] = hidden
		}
	}
	hideInURLs(members, &secrets)
	return secrets
}

var urlSyntax = regexp.MustCompile(`^[a-z][a-z0-9+.-]*://\S*$`)

// hideInURLs returns a value without the passwords of its URLs.
func hideInURLs(v any, secrets *[]string) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			v[name] = hideInURLs(member, secrets)
		}
	case []any:
		for i, item := range v {
			v[i] = hideInURLs(item, secrets)
		}
	case string:
		if !urlSyntax.MatchString(v) {
			return v
		}
		u, err := url.Parse(v)
		if err != nil {
			return withoutPassword(v)
		}
		before := len(*secrets)
		if password, ok := u.User.Password(); ok {
			*secrets = append(*secrets, password)
		}
		*secrets = append(*secrets, u.Query()["password"]...)
		if len(*secrets) > before {
			return withoutPassword(v)
		}
	}
	return v
}

// shown is the plugin as it may be printed.
func (p Plugin) shown() (Plugin, error) {
	members, ok := strictyaml.Value(p.Config).(map[string]any)
	if p.Config == nil || !ok {
		return p, nil
	}
	hide(p.Use, members)
	node, err := yaml.ValueToNode(members)
	if err != nil {
		return p, fmt.Errorf("show configuration of a plugin: %w", err)
	}
	p.Config = node
	return p, nil
}
