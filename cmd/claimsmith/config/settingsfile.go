package config

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/claimsmith/claimsmith/internal/strictyaml"
)

// ReadSettings reads a file that holds nothing but a plugin's own
// configuration, as JSON or YAML, as the member config of a plugin does: a
// mapping that is {file: PATH} or {env: NAME} becomes the secret that stands
// there. It returns JSON and the secrets that were put in.
func ReadSettings(file string) (text json.RawMessage, secrets []string, err error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, fmt.Errorf("read configuration of a plugin: %w", err)
	}
	var members map[string]any
	if _, err := strictyaml.Decode(file, b, &members); err != nil {
		return nil, nil, err
	}
	s, err := readSettings(nil, filepath.Dir(file), members)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", file, err)
	}
	return s.json, s.secrets, nil
}
