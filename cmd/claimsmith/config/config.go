// Package config owns what the configuration file may say: its keys, their
// defaults and what contradicts what. It reads files and the environment and
// hands out complete values; it opens nothing. cmd/claimsmith alone uses it.
package config

import (
	_ "embed" // the source of the schema's descriptions
	"net/netip"

	"github.com/goccy/go-yaml/ast"

	"github.com/claimsmith/claimsmith/internal/strictyaml"
	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server/oauth"
	"github.com/claimsmith/claimsmith/storage"
)

//go:embed config.go
var source []byte

// Schema returns the JSON Schema of a configuration file.
func Schema() ([]byte, error) {
	return strictyaml.Schema(new(Config), "https://github.com/claimsmith/claimsmith/config.schema.json", source, dialectSource, guardSource)
}

// Config is a configuration file. examples/claimsmith.yaml shows every key.
type Config struct {
	// File is the file's name, Dir where its relative paths start, and DataDir
	// where those of storage start.
	File    string `yaml:"-"`
	Dir     string `yaml:"-"`
	DataDir string `yaml:"-"`

	// Where callers reach the server: HOST:PORT. Default 127.0.0.1:8080.
	Listen string `yaml:"listen"`
	// Where operators reach health and metrics: HOST:PORT or off. Default 127.0.0.1:9080.
	Admin string `yaml:"admin"`
	// Makes the public address speak HTTPS. Without it, terminate TLS in front of the server.
	TLS     *TLS    `yaml:"tls"`
	Log     Log     `yaml:"log"`
	Storage Storage `yaml:"storage" jsonschema:"required"`
	// Whose X-Forwarded-For is believed: addresses and networks.
	TrustedProxies []string `yaml:"trusted_proxies"`
	Throttle       Throttle `yaml:"throttle"`
	Audit          Audit    `yaml:"audit"`
	Tracing        Tracing  `yaml:"tracing"`
	// Keys that seal the signing keys at rest. The first seals; all open.
	MasterKeys []MasterKey `yaml:"master_keys" jsonschema:"required,minItems=1"`
	// Credential sources by name; each a process of its own.
	Plugins map[string]Plugin `yaml:"plugins"`
	Issuers []Issuer          `yaml:"issuers" jsonschema:"required,minItems=1"`

	password   sdk.Secret
	masterKeys map[string][]byte
	demo       bool // there is no file
	proxies    []netip.Prefix
	asRead     struct{ listen, admin string } // before flags
}

// TLS names the server's own certificate.
type TLS struct {
	// The file of the certificate and its chain, as PEM.
	Certificate string `yaml:"certificate" jsonschema:"required"`
	// The file of its private key, as PEM.
	Key string `yaml:"key" jsonschema:"required"`
}

// Log says what is logged to standard error, and how.
type Log struct {
	// Default info.
	Level string `yaml:"level" jsonschema:"enum=debug,enum=info,enum=warn,enum=error"`
	// Default json.
	Format string `yaml:"format" jsonschema:"enum=json,enum=text"`
}

// Storage says where everything is kept.
type Storage struct {
	// sqlite:PATH or postgres://USER@HOST/DATABASE.
	URL string `yaml:"url" jsonschema:"required"`
	// Instead of a password in the URL.
	Password *Secret `yaml:"password"`
	// Default 16.
	MaxConnections int `yaml:"max_connections" jsonschema:"minimum=1,maximum=1000"`
}

// MasterKey seals signing keys at rest.
type MasterKey struct {
	// Stands beside what the key has sealed.
	ID string `yaml:"id" jsonschema:"required,minLength=1,maxLength=64"`
	// 32 bytes as base64.
	Key Secret `yaml:"key" jsonschema:"required"`
}

// Plugin is one credential source: a built-in one, or a program.
type Plugin struct {
	// A built-in plugin. Either this or command.
	Use string `yaml:"use" jsonschema:"enum=database,enum=apikey,enum=ldap"`
	// A program of yours with its arguments. Put no secret here.
	Command []string `yaml:"command" jsonschema:"minItems=1"`
	// The hash of the program; required for command.
	SHA256 string `yaml:"sha256" jsonschema:"pattern=^[0-9a-f]{64}$"`
	// Run the program without a sha256.
	InsecureUnpinned bool `yaml:"insecure_unpinned"`
	// Mutual TLS on the plugin's socket. Default true.
	AutoMTLS *bool `yaml:"auto_mtls"`
	// UID:GID that the process runs as, in numbers. Default: as the server. Needs privilege.
	User string `yaml:"user" jsonschema:"pattern=^[0-9]{1\\,9}:[0-9]{1\\,9}$"`
	// Of one call. Default 5s.
	Timeout strictyaml.Duration `yaml:"timeout"`
	// Until the process answers. Default 30s.
	StartTimeout strictyaml.Duration `yaml:"start_timeout"`
	// Calls at once; more are refused at once. Default 1024.
	MaxInFlight int `yaml:"max_in_flight" jsonschema:"minimum=1,maximum=100000"`
	// The plugin's own configuration. {file: PATH} and {env: NAME} stand for secrets.
	Config ast.Node `yaml:"config"`

	settings settings
}

// Issuer is one OAuth issuer.
type Issuer struct {
	// What storage knows the issuer by: its URL may change and the name may not. Default: default.
	Name string `yaml:"name" jsonschema:"pattern=^[a-z0-9][a-z0-9-]{0\\,62}$"`
	// The issuer URL as tokens bear it.
	URL string `yaml:"url" jsonschema:"required"`
	// Who is asked about a credential, in this order.
	Chain []string `yaml:"chain"`
	// What access tokens may be for; the first is the default. Without any it is the issuer.
	Audience     []string     `yaml:"audience"`
	AccessToken  AccessToken  `yaml:"access_token"`
	RefreshToken RefreshToken `yaml:"refresh_token"`
	Keys         Keys         `yaml:"keys"`
	// Claims of your own in every access token: YAML with ${CEL} leaves.
	Claims ast.Node `yaml:"claims"`
	// Clients that belong to the configuration. Others live in storage.
	Clients []Client `yaml:"clients"`
	// Whose signed assertions the grant jwt-bearer takes.
	TrustedIssuers []TrustedIssuer `yaml:"trusted_issuers"`
	// Vendors' login APIs that the issuer answers too.
	Dialects []Dialect `yaml:"dialects"`

	claims  *oauth.Claims
	clients map[string]*storage.Client
	trusted []oauth.TrustedIssuer

	retainComputed bool
}

// AccessToken says how access tokens are made.
type AccessToken struct {
	// Default 10m.
	Lifetime strictyaml.Duration `yaml:"lifetime"`
}

// RefreshToken says how long sessions with a refresh token live.
type RefreshToken struct {
	// A refresh token that is not used for so long ends. Default 14d.
	Idle strictyaml.Duration `yaml:"idle"`
	// A session ends so long after its login. Default 90d.
	Absolute strictyaml.Duration `yaml:"absolute"`
	// A replay within it gets the same successor. Default 10s.
	Grace strictyaml.Duration `yaml:"grace"`
}

// Keys says how the issuer's signing keys rotate.
type Keys struct {
	// JWS algorithms; the first is the default. Default [ES256].
	Algorithms []string `yaml:"algorithms"`
	// Default 30d.
	RotateEvery strictyaml.Duration `yaml:"rotate_every"`
	// How long a key is published before it signs. Default 24h.
	Announce strictyaml.Duration `yaml:"announce"`
	// How long services may cache the JWKS. Default 5m.
	JWKSMaxAge strictyaml.Duration `yaml:"jwks_max_age"`
	// How long a key stays published after it signed last. Default: the lifetime
	// of the longest-lived token of the issuer, its clients and dialects, and
	// at least 24h.
	Retain strictyaml.Duration `yaml:"retain"`
	// How far the clocks of replicas and of services may differ. Default 60s.
	Skew strictyaml.Duration `yaml:"skew"`
	// The plugin that makes and holds new keys, in a PKCS#11 token or a key
	// service. Default: none; they are in memory, and sealed in storage.
	Signer string `yaml:"signer"`
}

// Client is an OAuth client that belongs to the configuration.
type Client struct {
	ID   string `yaml:"id" jsonschema:"required,minLength=1,maxLength=255"`
	Name string `yaml:"name"`
	// The client secret. A client has this, or jwks, or both, or is public.
	Secret *Secret `yaml:"secret"`
	// The public keys that its assertions verify with (private_key_jwt).
	JWKS *KeySet `yaml:"jwks"`
	// The client has nothing to prove itself with.
	Public bool `yaml:"public"`
	// password; api-key; client_credentials; refresh_token; token-exchange; jwt-bearer.
	Grants []string `yaml:"grants" jsonschema:"required,minItems=1"`
	Scopes []string `yaml:"scopes"`
	// What its tokens may be for; the first is the default. Default: the issuer's.
	Audience     []string      `yaml:"audience"`
	AccessToken  AccessToken   `yaml:"access_token"`
	RefreshToken ClientRefresh `yaml:"refresh_token"`
	// What signs its access tokens: one of the issuer's keys.algorithms. Default: the first.
	Algorithm string `yaml:"algorithm"`
	// The audiences that it may trade access tokens for; the first is the default.
	Exchange []string `yaml:"exchange"`
	// Which tokens of others it sees at introspection: those for one of its
	// audience, or any. Default audience.
	Introspect string `yaml:"introspect" jsonschema:"enum=audience,enum=any"`
	// Whose scripts in browsers may read its answers: https://HOST.
	Origins []string `yaml:"origins"`
	// Claims of this client's tokens beside the issuer's; the same name replaces.
	Claims ast.Node `yaml:"claims"`
}

// ClientRefresh says what is different for the sessions of one client.
type ClientRefresh struct {
	// Default: the issuer's.
	Idle strictyaml.Duration `yaml:"idle"`
	// Default: the issuer's.
	Absolute strictyaml.Duration `yaml:"absolute"`
	// For how long after a plugin last vouched for somebody their session may be
	// refreshed while that plugin is down. Default 0s: not at all.
	Outage strictyaml.Duration `yaml:"outage"`
}

// KeySet says where the public keys of somebody else are.
type KeySet struct {
	// A JWK Set.
	File string `yaml:"file"`
	// Where a JWK Set is fetched: https.
	URL string `yaml:"url"`
}

// TrustedIssuer is somebody else whose assertions are taken for credentials.
type TrustedIssuer struct {
	// iss of its assertions.
	Issuer string `yaml:"issuer" jsonschema:"required,minLength=1"`
	JWKS   KeySet `yaml:"jwks" jsonschema:"required"`
	// What aud may be. Default: the issuer's URL and its token endpoint.
	Audience []string `yaml:"audience"`
	// Default: every one with public keys.
	Algorithms []string `yaml:"algorithms"`
	// Makes an identity of the assertion: YAML with ${CEL} leaves over claims and
	// issuer. Default: subject alone, which is sub.
	Identity ast.Node `yaml:"identity"`
}
