package host

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// shakeHands executes the command under go-plugin, which tells it where to
// listen and exchanges certificates. Go-plugin is left out from there on: its
// own connection adds two streams that nobody needs, and its way of
// stopping a process waits for one that hangs.
func (p *Process) shakeHands(ctx context.Context) (net.Addr, *tls.Config, error) {
	config := &plugin.ClientConfig{
		HandshakeConfig:  plugin.HandshakeConfig{MagicCookieKey: sdk.CookieKey, MagicCookieValue: sdk.CookieValue},
		VersionedPlugins: map[int]plugin.PluginSet{sdk.ProtocolVersion: {}},
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS:         !p.config.NoAutoMTLS,
		SkipHostEnv:      true,
		StartTimeout:     p.config.StartTimeout + time.Minute, // ctx is sooner
		UnixSocketConfig: &plugin.UnixSocketConfig{TempDir: p.config.Dir},
		Logger:           hclog.NewNullLogger(),
		RunnerFunc: func(_ hclog.Logger, spec *exec.Cmd, dir string) (runner.Runner, error) {
			p.child.cmd.Env, p.child.dir = spec.Env, dir
			return p.child, nil
		},
	}
	defer context.AfterFunc(ctx, p.child.kill)()
	address, err := plugin.NewClient(config).Start()
	if err != nil {
		return nil, nil, p.child.explain(err)
	}
	if security := config.TLSConfig; security != nil && security.RootCAs == nil {
		return nil, nil, errors.New("it sent no certificate; hint: turn AutoMTLS off for a plugin that cannot do it")
	}
	return address, config.TLSConfig, nil
}

func dial(address net.Addr, security *tls.Config) (*grpc.ClientConn, error) {
	creds := insecure.NewCredentials()
	if security != nil {
		creds = credentials.NewTLS(security)
	}
	conn, err := grpc.NewClient("passthrough:///plugin",
		grpc.WithTransportCredentials(creds),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, address.Network(), address.String())
		}),
		grpc.WithDisableRetry(),
		grpc.WithDisableServiceConfig(),
		grpc.WithIdleTimeout(0),
		// As on the plugin's side: no ping for each call.
		grpc.WithStaticStreamWindowSize(sdk.MaxMessage), grpc.WithStaticConnWindowSize(16*sdk.MaxMessage),
	)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return conn, nil
}
