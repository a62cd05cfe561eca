// Package sdktest is the behaviour that every plugin must show, whatever it
// asks and whatever it is written in.
//
// A plugin written in Go is tested in its own process, over the same gRPC that
// the host speaks:
//
//	func TestPlugin(t *testing.T) {
//		sdktest.Run(t, sdktest.Plugin{
//			New:      func() sdk.Authenticator { return &hostsFile{} },
//			Config:   json.RawMessage(`{"path": "testdata/people"}`),
//			Password: sdktest.Password{User: "alice", Secret: "wonderland"},
//		})
//	}
//
// An executable in any language is tested by `claimsmith plugin test`, which
// runs the same Checks and gives Start instead of New.
package sdktest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// Plugin is what is tested, and what it needs to be tested with.
type Plugin struct {
	// New makes a plugin that has seen nothing yet. Either New or Start is set.
	New func() sdk.Authenticator
	// Start starts a plugin as a process and configures it.
	Start func(ctx context.Context, config json.RawMessage) (client *sdk.Client, stop func(), err error)

	Config json.RawMessage // with which the credentials below are good
	// BadConfig must be refused. Nil: an unknown key, which every plugin that
	// has a configuration refuses.
	BadConfig json.RawMessage

	Password   Password          // of somebody the plugin knows; zero if it judges none
	APIKey     sdk.Secret        // one that the plugin knows; empty if it judges none
	Assertion  Assertion         // one that the plugin takes; zero if it judges none
	Attributes map[string]string // sent with every credential

	// PanicUser and HugeUser are people with Password's secret over whom a
	// process fails, with Config: its code panics or throws, or it has more
	// claims to tell than MaxClaims. Empty: not looked at. With New they are
	// not needed.
	PanicUser, HugeUser string

	// StartTimeout is how long it may take from its start to serving; 0: 30 s,
	// which is what the host allows unless it is configured otherwise.
	StartTimeout time.Duration

	// Log returns all that the plugin has logged so far; nil: not looked at.
	Log func() string
}

// Password is a user name and the password that goes with it.
type Password struct {
	User   string
	Secret sdk.Secret
}

// Assertion is an assertion and the URI of its type.
type Assertion struct {
	Type   string
	Secret sdk.Secret
}

// Run runs every check as a subtest.
func Run(t *testing.T, p Plugin) {
	t.Helper()
	s, err := Open(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	for _, check := range Checks() {
		t.Run(check.Name, func(t *testing.T) {
			err := check.Run(t.Context(), s)
			if skip, ok := errors.AsType[Skip](err); ok {
				t.Skip(skip)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// Session is a plugin under test that has been started and configured.
type Session struct {
	plugin Plugin
	client *sdk.Client
	stop   func()

	mu     sync.Mutex
	errors []string // what the plugin has said so far
}

// Open starts and configures a plugin. Close the session in the end.
func Open(ctx context.Context, p Plugin) (*Session, error) {
	if (p.New == nil) == (p.Start == nil) {
		return nil, errors.New("open plugin: want either New or Start")
	}
	s := &Session{plugin: p}
	var err error
	s.client, s.stop, err = s.start(ctx, p.Config)
	if err != nil {
		return nil, fmt.Errorf("open plugin: %w", err)
	}
	return s, nil
}

// Describe returns what the plugin tells of itself.
func (s *Session) Describe() sdk.Description { return s.client.Describe() }

// Close stops the plugin.
func (s *Session) Close() { s.stop() }

// start starts and configures a plugin within the time that it has for it.
func (s *Session) start(ctx context.Context, config json.RawMessage) (*sdk.Client, func(), error) {
	limit := cmp.Or(s.plugin.StartTimeout, 30*time.Second)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	start := s.plugin.Start
	if start == nil {
		start = s.startHere
	}
	client, stop, err := start(ctx, config)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = fmt.Errorf("slow start: not ready after %v: %w", limit, err)
	}
	return client, stop, err
}

func (s *Session) startHere(ctx context.Context, config json.RawMessage) (*sdk.Client, func(), error) {
	client, stop, err := serve(ctx, s.plugin.New())
	if err != nil || !client.Describe().Can(sdk.AbilityConfigure) {
		return client, stop, err
	}
	if len(config) == 0 {
		config = json.RawMessage("{}")
	}
	if err := client.Configure(ctx, config); err != nil {
		stop()
		return nil, nil, err
	}
	return client, stop, nil
}

// serve serves a on a Unix socket and connects to it.
func serve(ctx context.Context, a sdk.Authenticator) (*sdk.Client, func(), error) {
	dir, err := os.MkdirTemp("", "sdktest")
	if err != nil {
		return nil, nil, fmt.Errorf("serve: %w", err)
	}
	listener, err := net.Listen("unix", filepath.Join(dir, "plugin"))
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, nil, fmt.Errorf("serve: %w", err)
	}
	server := sdk.NewServer(a)
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	conn, err := grpc.NewClient("unix:"+listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	stop := func() {
		if conn != nil {
			_ = conn.Close()
		}
		server.Stop()
		serving.Wait()
		_ = os.RemoveAll(dir)
	}
	if err != nil {
		stop()
		return nil, nil, fmt.Errorf("serve: %w", err)
	}
	client, err := sdk.NewClient(ctx, conn)
	if err != nil {
		stop()
		return nil, nil, err
	}
	return client, stop, nil
}

// ask authenticates and remembers the error's text.
func (s *Session) ask(ctx context.Context, c sdk.Credential) (sdk.Identity, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	id, err := s.client.Authenticate(ctx, sdk.Request{
		Credential: c,
		Issuer:     "https://issuer.example",
		ClientID:   "sdktest",
		Attributes: s.plugin.Attributes,
	})
	return id, s.note(err)
}

func (s *Session) note(err error) error {
	if err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.errors = append(s.errors, err.Error())
	}
	return err
}

// good returns the credentials that were given.
func (s *Session) good() (list []sdk.Credential) {
	if p := s.plugin.Password; p.User != "" {
		list = append(list, sdk.Credential{Kind: sdk.Password, Username: p.User, Secret: p.Secret})
	}
	if key := s.plugin.APIKey; key != "" {
		list = append(list, sdk.Credential{Kind: sdk.APIKey, Secret: key})
	}
	if a := s.plugin.Assertion; a.Secret != "" {
		list = append(list, sdk.Credential{Kind: sdk.Assertion, Type: a.Type, Secret: a.Secret})
	}
	return list
}
