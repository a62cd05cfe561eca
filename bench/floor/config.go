package floor

import (
	"encoding/json"
	"fmt"
)

// Config is what a floor works on. A floor uses the fields that its path has.
type Config struct {
	Issuer   string
	Client   string
	Secret   string
	Username string
	Password string

	Echo     string // the Unix socket of an Echo
	Database string // postgres://…, with the server's tables
	Key      string // an API key's id in that database

	Directory Directory
}

// Directory says where people are found by LDAP.
type Directory struct {
	URL, Base              string
	BindDN, BindPassword   string
	Username, UserPassword string
	Connections            int
}

// String returns the Config as the JSON that ParseConfig reads.
func (c Config) String() string {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // strings and numbers only
	}
	return string(text)
}

// ParseConfig reads what String wrote.
func ParseConfig(text string) (c Config, err error) {
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return c, fmt.Errorf("read the floor's configuration: %w", err)
	}
	return c, nil
}
