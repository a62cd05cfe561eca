package sdktest_test

import (
	"context"
	"encoding/json"
	"net"
	"path/filepath"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/sdk/internal/pluginpb"
	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
)

// foreign is a plugin without the SDK, whose promises nobody keeps for it. It
// knows everybody whose password is wonderland, and nobody else.
type foreign struct {
	pluginpb.UnimplementedPluginServer
	fault string
}

func (f *foreign) Describe(context.Context, *pluginpb.DescribeRequest) (*pluginpb.DescribeResponse, error) {
	return &pluginpb.DescribeResponse{Name: "foreign", Version: "1"}, nil
}

func (f *foreign) Authenticate(_ context.Context, m *pluginpb.AuthenticateRequest) (*pluginpb.Outcome, error) {
	c := m.GetCredential()
	kind := pluginpb.Failure_DENIED
	switch name, secret := c.GetUsername(), string(c.GetSecret()); {
	case f.fault == "empty secret" && secret == "" && name == "alice",
		f.fault == "panic inside a call" && name == "mallory",
		f.fault == "huge claims" && name == "methuselah",
		name == "alice" && secret == "wonderland":
		return &pluginpb.Outcome{Result: &pluginpb.Outcome_Identity{Identity: &pluginpb.Identity{Subject: name}}}, nil
	case name == "mallory" || name == "methuselah":
		kind = pluginpb.Failure_UNAVAILABLE
	case name != "alice":
		kind = pluginpb.Failure_UNKNOWN
	}
	return &pluginpb.Outcome{Result: &pluginpb.Outcome_Failure{Failure: &pluginpb.Failure{Kind: kind}}}, nil
}

func (f *foreign) plugin(t *testing.T) sdktest.Plugin {
	return sdktest.Plugin{
		Start: func(ctx context.Context, _ json.RawMessage) (*sdk.Client, func(), error) {
			listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "plugin"))
			if err != nil {
				return nil, nil, err
			}
			server := grpc.NewServer()
			pluginpb.RegisterPluginServer(server, f)
			go server.Serve(listener)
			t.Cleanup(server.Stop)
			conn, err := grpc.NewClient("unix:"+listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
			if err != nil {
				return nil, nil, err
			}
			client, err := sdk.NewClient(ctx, conn)
			return client, func() { conn.Close(); server.Stop() }, err
		},
		Password:  sdktest.Password{User: "alice", Secret: "wonderland"},
		PanicUser: "mallory",
		HugeUser:  "methuselah",
		Log: func() string {
			if f.fault == "secrets stay secret" {
				return "alice logs in with wonderland"
			}
			return ""
		},
	}
}

func TestForeignPluginPasses(t *testing.T) { sdktest.Run(t, new(foreign).plugin(t)) }

func TestFaultsOfForeignPluginsAreFound(t *testing.T) {
	for _, check := range []string{"empty secret", "panic inside a call", "huge claims", "secrets stay secret"} {
		t.Run(check, func(t *testing.T) { finds(t, check, (&foreign{fault: check}).plugin(t)) })
	}
}
