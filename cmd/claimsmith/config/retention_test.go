package config

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/storage"
)

// A key stays published as long as the token that lives the longest, whoever it
// is of; what a file says itself is held to.
func TestRetention(t *testing.T) {
	for _, tt := range []struct {
		name, issuer string
		stored       time.Duration // the lifetime of a client of storage
		want         time.Duration
		fault        string
	}{
		{"nothing is said", "", 0, 24 * time.Hour, ""},
		{"the issuer's", "access_token: {lifetime: 36h}", 0, 36 * time.Hour, ""},
		{"a client's", "clients: [{id: a, public: true, grants: [password], access_token: {lifetime: 2d}}]", 0, 48 * time.Hour, ""},
		{"a dialect's", "keys: {algorithms: [RS256]}, dialects: [{dialect: oisp, client: app, lifetime: 30d}]", 0, 720 * time.Hour, ""},
		{"that of a client of storage", "", 72 * time.Hour, 72 * time.Hour, ""},
		{"a short one of a client of storage", "", time.Hour, 24 * time.Hour, ""},
		{"it is said", "keys: {retain: 1h}", 72 * time.Hour, time.Hour, ""},
		{"the issuer's is longer", "access_token: {lifetime: 2h}, keys: {retain: 1h}", 0, 0, "longer than keys.retain"},
		{"a client's is longer", "keys: {retain: 1h}, clients: [{id: a, public: true, grants: [password], access_token: {lifetime: 2h}}]", 0, 0, "longer than the issuer's keys.retain"},
		{"a built-in plugin is to sign", "keys: {signer: people}", 0, 0, "the built-in plugin database holds no keys"},
		{"a dialect's is longer", "keys: {retain: 1h}, dialects: [{dialect: oisp, client: app, lifetime: 30d}]", 0, 0, "its tokens live for 720h0m0s, longer than the issuer's keys.retain"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			more := tt.issuer
			if more != "" {
				more = ", " + more
			}
			text := "storage: {url: 'sqlite:a.db'}\nmaster_keys: [{id: a, key: {file: master.key}}]\nplugins: {people: {use: database}}\n" +
				"issuers: [{url: http://localhost, chain: [people]" + more + "}]\n"
			c, err := Load(filepath.Join(newDir(t, map[string]string{"c.yaml": text}), "c.yaml"), "")
			if tt.fault != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fault) {
					t.Errorf("%v, want %q", err, tt.fault)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := c.Issuers[0].Retention([]storage.Client{{}, {AccessTokenLifetime: tt.stored}}); got != tt.want {
				t.Errorf("retention %s, want %s", got, tt.want)
			}
		})
	}
}
