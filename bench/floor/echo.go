package floor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const echoMethod = "/floor.Echo/Echo"

// Echo serves one gRPC method on a Unix socket until ctx ends; the method
// answers with what it is asked. It is what a plugin's process cannot do without.
func Echo(ctx context.Context, socket string, ready func(address string)) error {
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "floor.Echo",
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Echo", Handler: echo}},
	}, struct{}{})
	context.AfterFunc(ctx, server.Stop)
	ready(socket)
	if err := server.Serve(listener); !errors.Is(err, grpc.ErrServerStopped) {
		return err
	}
	return nil
}

func echo(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	m := new(wrapperspb.BytesValue)
	return m, decode(m)
}

func dialEcho(socket string) (echoCall, error) {
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, fmt.Errorf("dial echo: %w", err)
	}
	return func(ctx context.Context, credential []byte) (string, error) {
		out := new(wrapperspb.BytesValue)
		if err := conn.Invoke(ctx, echoMethod, wrapperspb.Bytes(credential), out); err != nil {
			return "", err
		}
		subject, _, _ := bytes.Cut(out.Value, []byte{0})
		return string(subject), nil
	}, nil
}
