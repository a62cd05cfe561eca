package config

import (
	"encoding/json"
	"errors"
	"fmt"
)

// settings is a plugin's own configuration as it gets it: JSON with the
// secrets put in. It is printed nowhere.
type settings struct {
	json    json.RawMessage
	secrets []string // those that were put in, and those that are known to stand in it
}

// Settings returns the plugin's own configuration as JSON, secrets included,
// and the secrets that are known to be among it.
func (p Plugin) Settings() (text json.RawMessage, secrets []string) {
	return p.settings.json, p.settings.secrets
}

// readSettings makes settings of a value: a mapping that is {file: PATH} or
// {env: NAME} becomes the secret that stands there. defaults are members for
// where the value has none of that name; nil has none.
func readSettings(own any, dir string, defaults map[string]any) (settings, error) {
	r := &resolver{dir: dir}
	members := map[string]any{}
	if own != nil {
		m, ok := own.(map[string]any)
		if !ok {
			return settings{}, errors.New("a mapping is wanted")
		}
		members = r.resolve(m).(map[string]any)
	}
	for name, value := range defaults {
		if _, ok := members[name]; !ok {
			members[name] = r.resolve(value)
		}
	}
	if len(r.faults) > 0 {
		return settings{}, errors.Join(r.faults...)
	}
	text, err := json.Marshal(members)
	if err != nil {
		return settings{}, fmt.Errorf("not representable as JSON: %w", err)
	}
	return settings{text, r.secrets}, nil
}

// resolver puts secrets into a tree.
type resolver struct {
	dir     string
	secrets []string
	faults  []error
}

func (r *resolver) resolve(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if s, ok := reference(v); ok {
			secret, err := s.read(r.dir)
			if err != nil {
				r.faults = append(r.faults, err)
				return nil
			}
			r.secrets = append(r.secrets, secret.Reveal())
			return secret.Reveal()
		}
		for name, member := range v {
			v[name] = r.resolve(member)
		}
	case []any:
		for i, item := range v {
			v[i] = r.resolve(item)
		}
	}
	return v
}

// reference reports whether a mapping is a reference to a secret.
func reference(m map[string]any) (Secret, bool) {
	if len(m) != 1 {
		return Secret{}, false
	}
	if file, ok := m["file"].(string); ok {
		return Secret{File: file}, true
	}
	env, ok := m["env"].(string)
	return Secret{Env: env}, ok
}
