package apikey

import (
	"bytes"
	_ "embed" // schema.json
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// Config is the plugin's configuration. schema.json says the same as JSON Schema.
// Keys are in the table at URL or known to the service at VerifyURL; what has
// no word of the service is for both or for the table.
type Config struct {
	// URL of the database: sqlite:PATH or postgres://….
	URL string `json:"url"`
	// Password replaces the one in the URL; with VerifyURL it goes with Username.
	Password sdk.Secret `json:"password"`
	// MaxConns bounds the connections. Default: 16.
	MaxConns int `json:"max_conns"`

	// VerifyURL is the service that is asked instead: https, or http on this machine.
	VerifyURL string `json:"verify_url"`
	// BearerToken is our credential at the service.
	BearerToken sdk.Secret `json:"bearer_token"`
	// Username, with Password, is our credential at the service instead.
	Username string `json:"username"`
	// CA is a file of PEM certificates that the service's certificate must come
	// from. Default: those that the system trusts.
	CA string `json:"ca"`
	// ClientCertificate is a file with the PEM certificate, and what leads up to its
	// root, that is shown to the service. It is read again for every connection.
	ClientCertificate string `json:"client_certificate"`
	// ClientKey is the file of the client certificate's PEM key.
	ClientKey string `json:"client_key"`
	// InsecurePlaintext lets keys travel unencrypted to a service that is not on
	// this machine.
	InsecurePlaintext bool `json:"insecure_plaintext"`
	// Timeout of one question to the service, connecting included. Default: 3s.
	Timeout duration `json:"timeout"`
	// Cache is how long a good key is remembered, though never beyond its end; 0s
	// is not at all. Default: 10s.
	Cache *duration `json:"cache"`
	// CacheRefused is how long an unknown or denied key is. Default: 2s.
	CacheRefused *duration `json:"cache_refused"`
	// CacheKeys is how many keys are remembered. Default: 10000.
	CacheKeys int `json:"cache_keys"`
	// StaleIfError is for how long after Cache a good key is still let in while
	// the service cannot be asked. Default: 0s.
	StaleIfError duration `json:"stale_if_error"`
}

// duration is written as in Go and never negative.
type duration time.Duration

func (d *duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil || parsed < 0 {
		return fmt.Errorf("%q is no duration: write 500ms, 3s or 1m30s", text)
	}
	*d = duration(parsed)
	return nil
}

// or returns the duration, or a default where there is none.
func (d *duration) or(otherwise time.Duration) time.Duration {
	if d == nil {
		return otherwise
	}
	return time.Duration(*d)
}

//go:embed schema.json
var schema []byte

// parseConfig reads and checks a configuration. Its errors name the key.
func parseConfig(text json.RawMessage) (Config, error) {
	var c Config
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return Config{}, fmt.Errorf("read configuration: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return Config{}, errors.New("read configuration: more than one JSON value")
	}
	switch {
	case c.URL == "" && c.VerifyURL == "":
		return Config{}, errors.New("url: is missing: say sqlite:PATH or postgres://…, or verify_url for a service of yours")
	case c.URL != "" && c.VerifyURL != "":
		return Config{}, errors.New("url and verify_url: keys are in a table or known to a service; give one of the two")
	case c.MaxConns < 0:
		return Config{}, errors.New("max_conns: must not be negative")
	case c.VerifyURL == "" && c.asksService():
		return Config{}, errors.New("verify_url: is missing, and the configuration says how to ask it")
	case c.VerifyURL != "":
		return c, c.checkService()
	}
	return c, nil
}

// asksService reports whether something is said that is for a service.
func (c Config) asksService() bool {
	table := Config{URL: c.URL, Password: c.Password, MaxConns: c.MaxConns}
	return c != table
}

func (c Config) checkService() error {
	u, err := url.Parse(c.VerifyURL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.Fragment != "":
		return errors.New("verify_url: must be a URL such as https://keys.example.com/verify")
	case u.User != nil:
		return errors.New("verify_url: a name and a password belong in username and password")
	case u.Scheme == "http" && !c.InsecurePlaintext && !isLoopback(u.Hostname()):
		return errors.New("verify_url: would send keys unencrypted: use https://, or say insecure_plaintext: true")
	case c.BearerToken != "" && c.Username != "":
		return errors.New("bearer_token and username: give one credential for the service")
	case (c.Username == "") != (c.Password == ""):
		return errors.New("username and password: go together")
	case (c.ClientCertificate == "") != (c.ClientKey == ""):
		return errors.New("client_certificate and client_key: go together")
	case c.CacheKeys < 0:
		return errors.New("cache_keys: must not be negative")
	}
	return nil
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}
