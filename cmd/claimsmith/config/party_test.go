package config

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/server/oauth"
	"github.com/claimsmith/claimsmith/storage"
)

const keySet = `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"one","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`

const parties = `storage: {url: 'sqlite:a.db'}
master_keys:
  - {id: a, key: {file: master.key}}
issuers:
  - url: https://login.example.com
    clients:
      - id: portal
        jwks: {file: keys.json}
        grants: [token-exchange, jwt-bearer]
        exchange: [https://orders.example.com]
        introspect: any
        origins: [https://portal.example.com]
        refresh_token: {idle: 1d, absolute: 7d, outage: 10m}
    trusted_issuers:
      - issuer: https://partner.example
        jwks: {url: https://partner.example/jwks.json}
        algorithms: [RS256]
        audience: [https://login.example.com]
        identity: {subject: "p:${claims.sub}", "email?": "${claims.email}"}
`

func loadText(t *testing.T, text string) (*Config, error) {
	t.Helper()
	dir := newDir(t, map[string]string{
		"claimsmith.yaml": text,
		"keys.json":       keySet,
		"private.json":    strings.Replace(keySet, `"kid"`, `"d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","kid"`, 1),
	})
	return Load(filepath.Join(dir, "claimsmith.yaml"), "")
}

func TestParties(t *testing.T) {
	c, err := loadText(t, parties)
	if err != nil {
		t.Fatal(err)
	}
	want := storage.ClientPolicy{
		JWKS: keySet, Exchange: []string{"https://orders.example.com"}, IntrospectAny: true, Origins: []string{"https://portal.example.com"},
		RefreshIdle: 24 * time.Hour, RefreshAbsolute: 7 * 24 * time.Hour, RefreshOutage: 10 * time.Minute,
	}
	portal := c.Issuers[0].StaticClients()["portal"]
	if diff := cmp.Diff(want, portal.ClientPolicy); diff != "" || portal.Public() {
		t.Errorf("policy (-want +got):\n%s", diff)
	}
	trusted := c.Issuers[0].TrustedParties()
	if len(trusted) != 1 || trusted[0].Issuer != "https://partner.example" || trusted[0].Keys != (oauth.KeySource{URL: "https://partner.example/jwks.json"}) || trusted[0].Identity == nil {
		t.Errorf("trusted issuers %+v", trusted)
	}
}

func TestFaultsOfParties(t *testing.T) {
	for _, tt := range []struct{ old, new, want string }{
		{"jwks: {file: keys.json}", "jwks: {file: private.json}", "a private key or a secret"},
		{"jwks: {file: keys.json}", "jwks: {}", "give one of file and url"},
		{"jwks: {file: keys.json}", "jwks: {url: 'http://portal.example.com/'}", "not an https URL"},
		{"jwks: {file: keys.json}", "{jwks: {file: keys.json}, public: true}", ""},
		{"introspect: any", "introspect: all", `"all" is not one of audience, any`},
		{"[https://portal.example.com]", "[https://portal.example.com/]", "not an origin"},
		{"[RS256]", "[HS256]", "not an algorithm with public keys"},
		{"subject:", "sujbect:", "an identity has no sujbect"},
		{"${claims.sub}", "${claim.sub}", "claim"},
	} {
		text := strings.Replace(parties, tt.old, tt.new, 1)
		if _, err := loadText(t, text); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v", tt.new, err)
		}
	}
}
