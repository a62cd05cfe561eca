package ldap_test

import (
	"encoding/json"
	"testing"

	"github.com/claimsmith/claimsmith/internal/servertest"
	"github.com/claimsmith/claimsmith/plugins/ldap"
	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
)

func TestPluginBehavesAsPluginsMust(t *testing.T) {
	l := servertest.Slapd(t, hosting)
	text, err := json.Marshal(forAcme(l, config{"base": "o=acme," + l.Suffix}))
	if err != nil {
		t.Fatal(err)
	}
	sdktest.Run(t, sdktest.Plugin{
		New: func() sdk.Authenticator {
			p := ldap.New()
			t.Cleanup(func() { p.Close() })
			return p
		},
		Config:    text,
		BadConfig: json.RawMessage(`{"urls": ["ldaps://directory"], "base": "dc=x", "filter": "(uid={username}"}`),
		Password:  sdktest.Password{User: "alice", Secret: "acme"},
	})
}
