package sdk

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

// The handshake, for those who write a plugin in another language: the host
// sets the cookie in the environment and offers its protocol versions in
// PLUGIN_PROTOCOL_VERSIONS.
const (
	ProtocolVersion = 1
	CookieKey       = "CLAIMSMITH_PLUGIN"
	CookieValue     = "claimsmith.plugin.v1"
)

// Serve serves a until the host ends the process's work, then returns. It is
// the whole of a plugin's main. Standard error is the plugin's log: each line
// becomes a record of the host's log, and the default slog logger is set to
// write there in a form that keeps level and attributes, and adds the id of the
// trace to what is logged with the context of a call. Standard output belongs to
// the handshake; later writes to it go to the log.
func Serve(a Authenticator) {
	if os.Getenv(CookieKey) != CookieValue {
		fmt.Fprintf(os.Stderr, "%s: this is a plugin of claimsmith, which starts it\nhint: claimsmith plugin test %[1]s\n", os.Args[0])
		os.Exit(2)
	}
	slog.SetDefault(slog.New(traced{slog.NewJSONHandler(os.Stderr, nil)}))
	log := os.Stderr
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: plugin.HandshakeConfig{
			ProtocolVersion: ProtocolVersion, MagicCookieKey: CookieKey, MagicCookieValue: CookieValue,
		},
		VersionedPlugins: map[int]plugin.PluginSet{ProtocolVersion: {"plugin": registered{}}},
		GRPCServer: func(options []grpc.ServerOption) *grpc.Server {
			return NewServer(a, append(options, grpc.UnaryInterceptor(restoreOutput(log)))...)
		},
		Logger: hclog.New(&hclog.LoggerOptions{Level: hclog.Warn, JSONFormat: true, Output: log}),
	})
}

// restoreOutput undoes, at the first call, that go-plugin has put pipes in
// place of standard output and error: our host reads the process's own
// standard error, and a pipe that nobody reads would in the end block the
// plugin.
func restoreOutput(log *os.File) grpc.UnaryServerInterceptor {
	var once sync.Once
	return func(ctx context.Context, m any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		once.Do(func() { os.Stdout, os.Stderr = log, log })
		return next(ctx, m)
	}
}

// registered is what go-plugin needs to see; NewServer has registered the service.
type registered struct {
	plugin.NetRPCUnsupportedPlugin
}

func (registered) GRPCServer(*plugin.GRPCBroker, *grpc.Server) error { return nil }

func (registered) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, nil
}
