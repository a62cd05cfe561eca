package main

import (
	"os"
	"testing"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
)

func TestPlugin(t *testing.T) {
	config, err := os.ReadFile("keys.json")
	if err != nil {
		t.Fatal(err)
	}
	sdktest.Run(t, sdktest.Plugin{
		New:    func() sdk.Authenticator { return new(keys) },
		Config: config,
		APIKey: "acme-7e1f0c2d9b4a48d6",
	})
}
