package apikey_test

import (
	"encoding/json"
	"testing"

	"github.com/claimsmith/claimsmith/plugins/apikey"
	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
)

func TestPluginContract(t *testing.T) {
	url := newDatabase(t, "sqlite")
	r := robot()
	r.Sources = nil
	_, text := create(t, openKeys(t, url), r)
	config, _ := json.Marshal(map[string]any{"url": url})
	sdktest.Run(t, sdktest.Plugin{
		New: func() sdk.Authenticator {
			p := apikey.New()
			t.Cleanup(func() { p.Close() })
			return p
		},
		Config:     config,
		APIKey:     text,
		Attributes: map[string]string{"unit": "south"},
	})
}
