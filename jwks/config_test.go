package jwks_test

import (
	"strings"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/jwks"
)

func TestConfigThatWouldBreakVerifiersIsRefused(t *testing.T) {
	for _, test := range []struct {
		name   string
		config jwks.Config
		want   string // "" is fine
	}{
		{"defaults", jwks.Config{}, ""},
		{"every algorithm", jwks.Config{Algorithms: jwks.Algorithms()}, ""},
		{"every two seconds", jwks.Config{RotateEvery: 2 * time.Second, MaxAge: time.Millisecond, Skew: 10 * time.Millisecond}, ""},
		{"announced for exactly long enough", jwks.Config{Announce: 6 * time.Minute}, ""},
		{"announced too late", jwks.Config{Announce: 6*time.Minute - 1}, "announce for at least 6m0s"},
		{"cached too long", jwks.Config{MaxAge: 24 * time.Hour}, "or lower max_age"},
		{"announced longer than it signs", jwks.Config{RotateEvery: time.Hour, Announce: 2 * time.Hour}, "rotate_every 1h0m0s is shorter than announce 2h0m0s"},
		{"looked after too seldom", jwks.Config{Poll: 24 * time.Hour}, "poll more often"},
		{"negative", jwks.Config{Retain: -1}, "retain -1ns: want at least 1ms"},
		{"no key pair", jwks.Config{Algorithms: []string{"HS256"}}, `algorithm "HS256" is not known: want ES256`},
		{"none", jwks.Config{Algorithms: []string{"none"}}, `"none" is not known`},
		{"twice", jwks.Config{Algorithms: []string{"ES256", "ES256"}}, "named twice"},
		{"weak RSA", jwks.Config{RSABits: 1024}, "want 2048 to 8192"},
		{"all at once", jwks.Config{RSABits: 1024, RotateEvery: time.Second}, "announce"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := test.config.Check()
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
