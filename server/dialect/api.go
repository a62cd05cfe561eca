package dialect

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Config is a dialect in use.
type Config struct {
	Dialect *Dialect
	Name    string // for logs, metrics and Secrets; "" for the dialect's

	IssuerName string // for the event
	Issuer     string // the issuer URL, which expressions may name

	// Path and Host replace the dialect's where they are set. Path "/" is all of
	// the host.
	Path, Host string
	// Algorithm replaces the dialect's. One of key pairs moves its tokens to the
	// published keys: they are plain RFC 7519 JWTs then, with times in seconds
	// and without compression.
	Algorithm string
	Times     string         // replaces the dialect's time form
	Lifetime  time.Duration  // replaces the dialect's; 0 does not
	Options   map[string]any // those that differ from the dialect's

	// Deprecated and Sunset, where set, are told in each answer (RFC 9745, RFC 8594).
	Deprecated, Sunset time.Time

	Keys    Keys    // for algorithms with key pairs
	Secrets Secrets // for HMAC
}

// API is a dialect in use: it makes and reads its tokens, and serves over a
// Backend. It is safe for concurrent use.
type API struct {
	Config
	dialect   *Dialect
	algorithm string
	hmac      *jwt.SigningMethodHMAC // nil: the issuer's published keys
	header    string                 // of a token with a secret, base64url, with its dot
	zip       bool
	times     timeForm
	lifetime  time.Duration
	options   map[string]any
	claims    map[string]bool // the names that a token's claims may have; nil: any
	readsID   bool
	readsOf   bool // the session, by a claim of its own
}

// New binds a dialect. The error says which setting does not fit it.
func New(c Config) (*API, error) {
	d := c.Dialect
	a := &API{
		Config: c, dialect: d, algorithm: cmp.Or(c.Algorithm, d.Algorithm), zip: d.zip,
		times: timeForm(cmp.Or(c.Times, string(d.times))), lifetime: cmp.Or(c.Lifetime, d.Lifetime),
	}
	a.Name = cmp.Or(c.Name, d.Name)
	a.Host = strings.ToLower(cmp.Or(c.Host, d.Host))
	a.Path = strings.TrimSuffix(cmp.Or(c.Path, d.Path), "/")
	if a.Path != "" && a.Path[0] != '/' {
		return nil, errors.New("path: does not begin with a slash")
	}
	if err := a.useAlgorithm(); err != nil {
		return nil, err
	}
	for _, m := range d.read.Members() {
		a.readsID = a.readsID || m.Name == "id"
		a.readsOf = a.readsOf || m.Name == "session"
	}
	a.claims = claimNames(d)
	return a, a.useOptions()
}

func (a *API) useAlgorithm() error {
	if !IsHMAC(a.algorithm) {
		if a.Config.Algorithm != "" {
			a.times, a.zip = seconds, false
		}
		return nil
	}
	if a.hmac = hmacs[a.algorithm]; a.hmac == nil {
		return fmt.Errorf("algorithm: there is no %s", a.algorithm)
	}
	header := map[string]string{"alg": a.algorithm}
	if a.dialect.typ != "" {
		header["typ"] = a.dialect.typ
	}
	if a.zip {
		header["zip"] = "DEF"
	}
	text, err := json.Marshal(header)
	a.header = base64.RawURLEncoding.EncodeToString(text) + "."
	return err
}

// useOptions puts what is configured over the defaults, of the same types.
func (a *API) useOptions() error {
	a.options = maps.Clone(a.dialect.Options)
	for _, name := range slices.Sorted(maps.Keys(a.Config.Options)) {
		value := a.Config.Options[name]
		was, ok := a.options[name]
		switch {
		case !ok:
			return fmt.Errorf("options.%s: the dialect has no such option: there are %s", name,
				cmp.Or(strings.Join(slices.Sorted(maps.Keys(a.options)), ", "), "none"))
		case was != nil && fmt.Sprintf("%T", was) != fmt.Sprintf("%T", value):
			return fmt.Errorf("options.%s: a %s is wanted", name, typeName(was))
		case value == nil, isScalar(value):
		default:
			return fmt.Errorf("options.%s: a text, a number, true or false is wanted", name)
		}
		a.options[name] = value
	}
	return nil
}

func isScalar(v any) bool { return typeName(v) != "" }

func typeName(v any) string {
	switch v.(type) {
	case string:
		return "text"
	case bool:
		return "true or false"
	case int64, uint64, float64:
		return "number"
	}
	return ""
}

// claimNames are what the claims of a token may be called; nil where a spread
// may call them anything.
func claimNames(d *Dialect) map[string]bool {
	names := map[string]bool{}
	for _, m := range d.claims.Members() {
		if m.Name == "..." {
			return nil
		}
		names[m.Name] = true
	}
	return names
}

// SignsWith returns the algorithm of the tokens.
func (a *API) SignsWith() string { return a.algorithm }
