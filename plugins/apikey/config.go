package apikey

import (
	"bytes"
	_ "embed" // schema.json
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// Config is the plugin's configuration. schema.json says the same as JSON Schema.
type Config struct {
	// URL of the database: sqlite:PATH or postgres://….
	URL string `json:"url"`
	// Password replaces the one in the URL.
	Password sdk.Secret `json:"password"`
	// MaxConns bounds the connections. Default: 16.
	MaxConns int `json:"max_conns"`
}

//go:embed schema.json
var schema []byte

// parseConfig reads and checks a configuration. Its errors name the key.
func parseConfig(text json.RawMessage) (sqldb.Config, error) {
	var c Config
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return sqldb.Config{}, fmt.Errorf("read configuration: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return sqldb.Config{}, errors.New("read configuration: more than one JSON value")
	}
	switch {
	case c.URL == "":
		return sqldb.Config{}, errors.New("url: is missing: say sqlite:PATH or postgres://…")
	case c.MaxConns < 0:
		return sqldb.Config{}, errors.New("max_conns: must not be negative")
	}
	return sqldb.Config{URL: c.URL, Password: c.Password.Reveal(), MaxConns: c.MaxConns}, nil
}
