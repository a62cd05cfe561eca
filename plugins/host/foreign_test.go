package host_test

import (
	"context"
	"testing"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/claimsmith/claimsmith/plugins/host"
	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// serveForeign is the main of a plugin that has go-plugin's own server, as one
// may that is not built on the SDK.
func serveForeign() {
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  plugin.HandshakeConfig{ProtocolVersion: sdk.ProtocolVersion, MagicCookieKey: sdk.CookieKey, MagicCookieValue: sdk.CookieValue},
		VersionedPlugins: map[int]plugin.PluginSet{sdk.ProtocolVersion: {"plugin": nobody{}}},
		GRPCServer:       func(options []grpc.ServerOption) *grpc.Server { return sdk.NewServer(&echo{}, options...) },
	})
}

// nobody satisfies go-plugin; NewServer has registered the service.
type nobody struct{ plugin.NetRPCUnsupportedPlugin }

func (nobody) GRPCServer(*plugin.GRPCBroker, *grpc.Server) error { return nil }

func (nobody) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, nil
}

func TestGoPluginsOwnServerIsAPlugin(t *testing.T) {
	c := config(t, `{}`)
	c.Builtin = "foreign"
	p, err := host.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if id, err := p.Client().Authenticate(t.Context(), login("alice")); err != nil || id.Subject == "" {
		t.Errorf("%+v, %v", id, err)
	}
	p.Stop()
	if alive(p.PID()) {
		t.Error("it did not end")
	}
}
