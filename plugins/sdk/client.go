package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/claimsmith/claimsmith/plugins/sdk/internal/pluginpb"
)

// Client asks a plugin over a gRPC connection: the other end of what Serve
// serves, for hosts and tests. It is an Authenticator, and a Configurer,
// Refresher, Lookuper and Signer whatever the plugin is: ask Describe for its
// abilities. It believes nothing that the plugin answers.
type Client struct {
	rpc         pluginpb.PluginClient
	description Description
	asker       *asker // nil: each call has a stream of its own
}

var (
	_ Authenticator = (*Client)(nil)
	_ Configurer    = (*Client)(nil)
	_ Describer     = (*Client)(nil)
	_ Lookuper      = (*Client)(nil)
	_ Refresher     = (*Client)(nil)
	_ Signer        = (*Client)(nil)
)

// NewClient asks the plugin behind a connection to describe itself.
func NewClient(ctx context.Context, conn grpc.ClientConnInterface) (*Client, error) {
	c := &Client{rpc: pluginpb.NewPluginClient(conn)}
	m, err := c.rpc.Describe(ctx, &pluginpb.DescribeRequest{}, sized...)
	if err != nil {
		return nil, fmt.Errorf("describe: %w", broken(ctx, err, ""))
	}
	c.description = descriptionFromWire(m)
	if err := c.description.check(); err != nil {
		return nil, fmt.Errorf("describe: %w", err)
	}
	if m.GetStreams() {
		stream, err := c.rpc.Stream(context.Background(), sized...) // it ends with the connection
		if err != nil {
			return nil, fmt.Errorf("open the stream: %w", broken(ctx, err, ""))
		}
		c.asker = newAsker(stream)
	}
	return c, nil
}

var sized = []grpc.CallOption{grpc.MaxCallRecvMsgSize(MaxMessage), grpc.MaxCallSendMsgSize(MaxMessage)}

// Describe returns what the plugin told when the client was made.
func (c *Client) Describe() Description { return c.description }

// Configure returns the plugin's own words if it refuses the configuration,
// and an error that wraps ErrUnavailable if it did not answer.
func (c *Client) Configure(ctx context.Context, config json.RawMessage) error {
	m, err := c.rpc.Configure(ctx, &pluginpb.ConfigureRequest{Config: config}, sized...)
	if err != nil {
		return broken(ctx, err, "")
	}
	if m.GetError() != "" {
		return errors.New(clean(m.GetError(), ""))
	}
	return nil
}

// Authenticate asks the plugin once; what failed is never repeated. Beside
// what an Authenticator returns, a call that ctx ended wraps ctx's error too.
func (c *Client) Authenticate(ctx context.Context, r Request) (Identity, error) {
	var out *pluginpb.Outcome
	var err error
	// What the plugin's end would refuse goes alone: on the stream it might end that of others.
	if c.asker != nil && c.asker.alive() && r.Check() == nil {
		out, err = c.asker.ask(ctx, requestToWire(r))
	} else {
		out, err = c.rpc.Authenticate(ctx, requestToWire(r), sized...)
	}
	return outcome(ctx, out, err, r.Credential.Secret.Reveal())
}

// Refresh returns id itself where the plugin lacks the ability.
func (c *Client) Refresh(ctx context.Context, id Identity) (Identity, error) {
	if !c.description.Can(AbilityRefresh) {
		return id, nil
	}
	m, err := identityToWire(id)
	if err != nil {
		return Identity{}, Unavailable(fmt.Errorf("bad identity: %w", err))
	}
	out, err := c.rpc.Refresh(ctx, &pluginpb.RefreshRequest{Identity: m}, sized...)
	return outcome(ctx, out, err, "")
}

// Lookup returns an error that wraps errors.ErrUnsupported where the plugin
// lacks the ability.
func (c *Client) Lookup(ctx context.Context, name string) (Identity, error) {
	if !c.description.Can(AbilityLookup) {
		return Identity{}, fmt.Errorf("look up: %w", errors.ErrUnsupported)
	}
	if name == "" || !wellFormed(name, MaxString) {
		return Identity{}, ErrUnknown
	}
	out, err := c.rpc.Lookup(ctx, &pluginpb.LookupRequest{Name: name}, sized...)
	return outcome(ctx, out, err, "")
}

func outcome(ctx context.Context, out *pluginpb.Outcome, err error, secret string) (Identity, error) {
	if err != nil {
		return Identity{}, broken(ctx, err, secret)
	}
	switch result := out.GetResult().(type) {
	case *pluginpb.Outcome_Identity:
		id, err := identityFromWire(result.Identity)
		if err != nil {
			return Identity{}, Unavailable(fmt.Errorf("bad identity: %s", clean(err.Error(), secret)))
		}
		return id, nil
	case *pluginpb.Outcome_Failure:
		return Identity{}, failureFromWire(result.Failure, secret)
	default:
		return Identity{}, Unavailable(errors.New("the plugin answered with nothing"))
	}
}

// broken is the error of a call that got no answer.
func broken(ctx context.Context, err error, secret string) error {
	if cause := ctx.Err(); cause != nil {
		return Unavailable(cause)
	}
	s := status.Convert(err)
	switch s.Code() {
	case codes.DeadlineExceeded: // gRPC's timer may fire before ctx's own
		return Unavailable(context.DeadlineExceeded)
	case codes.Unimplemented:
		return Unavailable(errors.ErrUnsupported)
	default:
		return Unavailable(fmt.Errorf("%v: %s", s.Code(), clean(s.Message(), secret)))
	}
}
