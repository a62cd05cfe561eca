package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// stopTimeout is how long a process may take to end when it is asked to.
const stopTimeout = 3 * time.Second

// ConfigError is the error of a plugin that refuses its configuration.
type ConfigError struct {
	Plugin  string
	Message string // the plugin's own words, without the secrets of its settings
}

// Error returns the plugin's words.
func (e *ConfigError) Error() string {
	return fmt.Sprintf("configure plugin %s: %s", e.Plugin, e.Message)
}

// Process is a plugin's process that has been started and configured and
// serves until it dies or is stopped. Nobody watches it; Plugin does that.
type Process struct {
	config  *Config
	child   *child
	conn    *grpc.ClientConn
	client  *sdk.Client
	sha256  string
	started time.Time

	inFlight atomic.Int64           // calls that hold the process
	retired  atomic.Bool            // no new call comes
	idle     chan struct{}          // told when a retired process loses its last call
	answered atomic.Bool            // some call has come back
	misses   atomic.Int64           // deadlines in a row that passed without an answer
	silence  atomic.Int64           // when the first of them did, in Unix nanoseconds
	suspect  chan struct{}          // told when there are too many of them
	lost     chan struct{}          // closed when the connection is, be it that the process ended
	verdict  atomic.Pointer[string] // why it was killed
}

// Start starts a process for c, describes, configures and checks it. The
// error holds what the plugin said last if it never served, and wraps a
// *ConfigError if it refused its configuration. Stop the process in the end.
func Start(ctx context.Context, c Config) (*Process, error) {
	c, err := c.check()
	if err != nil {
		return nil, err
	}
	return start(ctx, &c)
}

func start(ctx context.Context, c *Config) (*Process, error) {
	p, err := launch(ctx, c)
	if _, refused := errors.AsType[*ConfigError](err); err != nil && !refused {
		err = fmt.Errorf("start plugin %s: %w", c.Name, err)
	}
	return p, err
}

func launch(ctx context.Context, c *Config) (*Process, error) {
	ctx, cancel := context.WithTimeout(ctx, c.StartTimeout)
	defer cancel()
	exe, err := openExecutable(c)
	if err != nil {
		return nil, err
	}
	defer exe.close()

	out := newOutput(c.Log.With("plugin", c.Name), newRedactor(c))
	p := &Process{
		config:  c,
		child:   newChild(exe.command(c.User), c.User, out),
		sha256:  exe.sha256,
		started: time.Now(),
		idle:    make(chan struct{}, 1),
		suspect: make(chan struct{}, 1),
		lost:    make(chan struct{}),
	}
	err = p.serve(ctx, exe)
	if err == nil {
		return p, nil
	}
	late := errors.Is(ctx.Err(), context.DeadlineExceeded)
	p.stop(0)
	_, refused := errors.AsType[*ConfigError](err)
	switch said := out.lastLine(); {
	case refused:
		return nil, err
	case late:
		return nil, fmt.Errorf("not ready after %v: %w", c.StartTimeout, err)
	case said != "":
		return nil, fmt.Errorf("%w; its last words: %s", err, said)
	}
	return nil, err
}

// serve brings the process to where it serves. It gets no secret before it is
// sure that what was hashed is what runs.
func (p *Process) serve(ctx context.Context, exe *executable) error {
	address, security, err := p.shakeHands(ctx)
	if err != nil {
		return err
	}
	if err := exe.unchanged(); err != nil {
		return err
	}
	if p.conn, err = dial(address, security); err != nil {
		return err
	}
	if p.client, err = sdk.NewClient(ctx, p.conn); err != nil {
		return err
	}
	for _, needed := range p.config.Needs {
		if d := p.client.Describe(); !d.Can(needed) {
			return fmt.Errorf("it lacks the ability %q; it has %q", needed, d.Abilities)
		}
	}
	if err := p.configure(ctx); err != nil {
		return err
	}
	return p.ping(ctx)
}

func (p *Process) configure(ctx context.Context) error {
	settings := bytes.TrimSpace(p.config.Settings)
	if !p.client.Describe().Can(sdk.AbilityConfigure) {
		if len(settings) > 0 && !slices.Contains([]string{"{}", "null"}, string(settings)) {
			return &ConfigError{p.config.Name, "this plugin has no configuration"}
		}
		return nil
	}
	if len(settings) == 0 {
		settings = []byte("{}")
	}
	err := p.client.Configure(ctx, settings)
	if err == nil {
		return nil
	}
	message := p.child.out.redact.Replace(err.Error())
	if errors.Is(err, sdk.ErrUnavailable) { // the machinery; the plugin has refused nothing
		return fmt.Errorf("configure: %s", message)
	}
	return &ConfigError{p.config.Name, message}
}

// ping asks go-plugin's health service.
func (p *Process) ping(ctx context.Context) error {
	m, err := grpc_health_v1.NewHealthClient(p.conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: plugin.GRPCServiceName})
	if err != nil {
		return fmt.Errorf("check health: %w", err)
	}
	if m.Status != grpc_health_v1.HealthCheckResponse_SERVING {
		return fmt.Errorf("check health: plugin says %v", m.Status)
	}
	return nil
}

// Client asks the process, without the bounds that Plugin sets.
func (p *Process) Client() *sdk.Client { return p.client }

// PID returns the id of the process.
func (p *Process) PID() int { return int(p.child.pid.Load()) }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.child.exited }

// Stop asks the process to end, ends it if it does not within three seconds,
// and returns when nothing is left of it.
func (p *Process) Stop() { p.stop(stopTimeout) }

func (p *Process) stop(patience time.Duration) {
	if p.child.dir == "" { // never got so far
		return
	}
	if p.conn != nil && patience > 0 {
		p.shutDown(patience)
	}
	p.child.end()
	if p.conn != nil {
		_ = p.conn.Close()
	}
	if err := os.RemoveAll(p.child.dir); err != nil {
		p.config.Log.Warn("remove the plugin's socket", "plugin", p.config.Name, "error", err)
	}
}

// shutDown calls what go-plugin's servers have for this, and waits.
func (p *Process) shutDown(patience time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	// The answer is lost with the connection.
	_ = p.conn.Invoke(ctx, "/plugin.GRPCController/Shutdown", &emptypb.Empty{}, &emptypb.Empty{})
	select {
	case <-p.child.exited:
	case <-ctx.Done():
	}
}
