package sdk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/claimsmith/claimsmith/plugins/sdk/internal/pluginpb"
)

// NewServer returns the gRPC server of a plugin, without the handshake and the
// health service that Serve puts around it. For tests that ask a plugin in
// their own process; a plugin's main calls Serve.
func NewServer(a Authenticator, options ...grpc.ServerOption) *grpc.Server {
	s := grpc.NewServer(append(options,
		grpc.ChainUnaryInterceptor(sooner),
		grpc.MaxRecvMsgSize(MaxMessage), grpc.MaxSendMsgSize(MaxMessage),
		// A goroutine that has served a call has the stack for the next.
		grpc.NumStreamWorkers(streamWorkers),
		// A window that is given needs not be found out, by a ping for each call.
		grpc.StaticStreamWindowSize(streamWindow), grpc.StaticConnWindowSize(connWindow),
	)...)
	pluginpb.RegisterPluginServer(s, &server{plugin: a, description: describe(a)})
	return s
}

const (
	streamWorkers = 16 // a call that finds all busy gets a goroutine of its own
	streamWindow  = MaxMessage
	connWindow    = 16 * MaxMessage
)

// server is the plugin's side of the wire. It keeps the promises that the
// protocol makes, so that authors need not: no call before Configure, no kind
// that the plugin does not judge, no empty secret, no bad identity, and a panic
// ends the call it happened in only.
type server struct {
	pluginpb.UnimplementedPluginServer

	plugin      Authenticator
	description Description
	configured  atomic.Bool
}

func (s *server) Describe(context.Context, *pluginpb.DescribeRequest) (*pluginpb.DescribeResponse, error) {
	if err := s.description.check(); err != nil {
		return nil, fmt.Errorf("describe: %w", err)
	}
	m := descriptionToWire(s.description)
	m.Streams = true
	return m, nil
}

func (s *server) Configure(ctx context.Context, m *pluginpb.ConfigureRequest) (out *pluginpb.ConfigureResponse, _ error) {
	defer func() {
		if p := recover(); p != nil {
			slog.ErrorContext(ctx, "plugin panicked", "call", "configure", "stack", string(debug.Stack()))
			out = &pluginpb.ConfigureResponse{Error: "the plugin panicked; its log holds the stack"}
		}
	}()
	c, ok := s.plugin.(Configurer)
	if !ok {
		return &pluginpb.ConfigureResponse{Error: "this plugin has no configuration"}, nil
	}
	if s.configured.Load() {
		return &pluginpb.ConfigureResponse{Error: "already configured"}, nil
	}
	if err := c.Configure(ctx, m.GetConfig()); err != nil {
		return &pluginpb.ConfigureResponse{Error: clean(err.Error(), "")}, nil
	}
	s.configured.Store(true)
	return &pluginpb.ConfigureResponse{}, nil
}

func (s *server) Authenticate(ctx context.Context, m *pluginpb.AuthenticateRequest) (*pluginpb.Outcome, error) {
	return s.judge(ctx, m), nil
}

// judge judges a credential, which came by a call of its own or by a stream.
func (s *server) judge(ctx context.Context, m *pluginpb.AuthenticateRequest) *pluginpb.Outcome {
	r := requestFromWire(m)
	if err := r.Check(); err != nil {
		return failureToWire(err, "")
	}
	if !s.description.Judges(r.Credential.Kind) {
		return failureToWire(ErrUnknown, "")
	}
	return s.answer(ctx, "authenticate", r.Credential.Secret.Reveal(), func(ctx context.Context) (Identity, error) {
		return s.plugin.Authenticate(ctx, r)
	})
}

func (s *server) Refresh(ctx context.Context, m *pluginpb.RefreshRequest) (*pluginpb.Outcome, error) {
	p, ok := s.plugin.(Refresher)
	if !ok {
		return s.UnimplementedPluginServer.Refresh(ctx, m)
	}
	id, err := identityFromWire(m.GetIdentity())
	if err != nil {
		return failureToWire(fmt.Errorf("bad identity: %w", err), ""), nil
	}
	return s.answer(ctx, "refresh", "", func(ctx context.Context) (Identity, error) {
		return p.Refresh(ctx, id)
	}), nil
}

func (s *server) Lookup(ctx context.Context, m *pluginpb.LookupRequest) (*pluginpb.Outcome, error) {
	p, ok := s.plugin.(Lookuper)
	if !ok {
		return s.UnimplementedPluginServer.Lookup(ctx, m)
	}
	return s.answer(ctx, "lookup", "", func(ctx context.Context) (Identity, error) {
		return p.Lookup(ctx, m.GetName())
	}), nil
}

// answer turns what the author's code does, a panic too, into an outcome.
func (s *server) answer(ctx context.Context, call, secret string, f func(context.Context) (Identity, error)) (out *pluginpb.Outcome) {
	defer func() {
		if p := recover(); p != nil {
			slog.ErrorContext(ctx, "plugin panicked", "call", call, "panic", clean(fmt.Sprint(p), secret), "stack", string(debug.Stack()))
			out = failureToWire(errors.New("the plugin panicked; its log holds the stack"), "")
		}
	}()
	if _, ok := s.plugin.(Configurer); ok && !s.configured.Load() {
		return failureToWire(errors.New("not configured"), "")
	}
	id, err := f(ctx)
	if err != nil {
		return failureToWire(err, secret)
	}
	wire, err := identityToWire(id)
	if err != nil {
		slog.ErrorContext(ctx, "plugin returned a bad identity", "call", call, "error", err)
		return failureToWire(fmt.Errorf("bad identity: %w", err), secret)
	}
	return &pluginpb.Outcome{Result: &pluginpb.Outcome_Identity{Identity: wire}}
}

// sooner ends a call's context a little before the caller gives up, so that a
// plugin that honours it can still say that it is unavailable; one that
// stays silent then is taken to hang. A configuration has all the time.
func sooner(ctx context.Context, m any, call *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if deadline, ok := ctx.Deadline(); ok && call.FullMethod != pluginpb.Plugin_Configure_FullMethodName {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, early(time.Until(deadline)))
		defer cancel()
	}
	return next(ctx, m)
}

// early is when a call ends that has a time to end in.
func early(timeout time.Duration) time.Duration {
	return timeout - min(timeout/10, 100*time.Millisecond)
}
