package host

import (
	"context"
	"crypto/tls"
	"encoding/pem"
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
	security, environment, err := p.security()
	if err != nil {
		return nil, nil, fmt.Errorf("make certificate: %w", err)
	}
	config := &plugin.ClientConfig{
		HandshakeConfig:  plugin.HandshakeConfig{MagicCookieKey: sdk.CookieKey, MagicCookieValue: sdk.CookieValue},
		VersionedPlugins: map[int]plugin.PluginSet{sdk.ProtocolVersion: {}},
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		TLSConfig:        security, // gets the plugin's certificate
		SkipHostEnv:      true,
		StartTimeout:     p.config.StartTimeout + time.Minute, // ctx is sooner
		UnixSocketConfig: &plugin.UnixSocketConfig{TempDir: p.config.Dir},
		Logger:           hclog.NewNullLogger(),
		RunnerFunc: func(_ hclog.Logger, spec *exec.Cmd, dir string) (runner.Runner, error) {
			p.child.cmd.Env, p.child.dir = append(spec.Env, environment...), dir
			return p.child, nil
		},
	}
	defer context.AfterFunc(ctx, p.child.kill)()
	address, err := plugin.NewClient(config).Start()
	if err != nil {
		return nil, nil, p.child.explain(err)
	}
	if security != nil && security.RootCAs == nil {
		return nil, nil, errors.New("it sent no certificate; hint: turn AutoMTLS off for a plugin that cannot do it")
	}
	return address, security, nil
}

// security is what go-plugin's AutoMTLS would make, with a key on a curve that
// is faster by far: how the host speaks TLS, which lacks the plugin's
// certificate yet, and what tells the plugin of the host's.
func (p *Process) security() (*tls.Config, []string, error) {
	if p.config.NoAutoMTLS {
		return nil, nil, nil
	}
	own, err := sdk.NewCertificate()
	if err != nil {
		return nil, nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own.Certificate[0]})
	return &tls.Config{
		Certificates: []tls.Certificate{own},
		ServerName:   "localhost",
		MinVersion:   tls.VersionTLS12,
	}, []string{"PLUGIN_CLIENT_CERT=" + string(text)}, nil
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
