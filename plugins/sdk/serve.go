package sdk

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/types/known/emptypb"
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
	signal.Notify(make(chan os.Signal, 1), os.Interrupt) // at a terminal it is for the host
	if err := serve(a); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[0], err)
		os.Exit(1)
	}
}

// serve speaks the handshake of github.com/hashicorp/go-plugin, which the host
// uses. The server's half of that package is left out: it makes certificates of
// a kind that costs each process 10 ms and half a megabyte.
func serve(a Authenticator) error {
	options, certificate, err := transport(os.Getenv("PLUGIN_CLIENT_CERT"))
	if err != nil {
		return fmt.Errorf("make certificate: %w", err)
	}
	socket := filepath.Join(os.Getenv("PLUGIN_UNIX_SOCKET_DIR"), fmt.Sprintf("plugin%d", os.Getpid()))
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err // it says all
	}
	s := NewServer(a, options...)
	s.RegisterService(&controller, s)
	healthy := health.NewServer()
	healthy.SetServingStatus("plugin", grpc_health_v1.HealthCheckResponse_SERVING)
	grpc_health_v1.RegisterHealthServer(s, healthy)

	if _, err := fmt.Printf("1|%d|unix|%s|grpc|%s\n", ProtocolVersion, socket, certificate); err != nil {
		return fmt.Errorf("shake hands: %w", err)
	}
	os.Stdout = os.Stderr
	return s.Serve(listener)
}

// controller is the service by which the host ends the process.
var controller = grpc.ServiceDesc{
	ServiceName: "plugin.GRPCController",
	HandlerType: (*interface{ Stop() })(nil),
	Methods: []grpc.MethodDesc{{
		MethodName: "Shutdown",
		Handler: func(s any, _ context.Context, _ func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			s.(*grpc.Server).Stop()
			return &emptypb.Empty{}, nil
		},
	}},
}
