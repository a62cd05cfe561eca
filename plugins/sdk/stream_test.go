package sdk_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/sdk/internal/pluginpb"
)

// alone is a connection to a plugin that has no Stream.
type alone struct{ *grpc.ClientConn }

func (c alone) Invoke(ctx context.Context, method string, in, out any, options ...grpc.CallOption) error {
	err := c.ClientConn.Invoke(ctx, method, in, out, options...)
	if m, ok := out.(*pluginpb.DescribeResponse); ok {
		m.Streams = false
	}
	return err
}

// connector serves a plugin and asks it.
type connector = func(testing.TB, sdk.Authenticator) *sdk.Client

// either runs a test with calls that share a stream and with calls that do not.
func either(t *testing.T, f func(t *testing.T, connect connector)) {
	t.Run("stream", func(t *testing.T) { f(t, connect) })
	t.Run("alone", func(t *testing.T) {
		f(t, func(t testing.TB, a sdk.Authenticator) *sdk.Client {
			return client(t, alone{dial(t, sdk.NewServer(a))})
		})
	})
}

// dial serves a server for as long as the test runs, and connects to it.
func dial(t testing.TB, server *grpc.Server) *grpc.ClientConn {
	t.Helper()
	listener := bufconn.Listen(64 << 10)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient("passthrough:///plugin",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func client(t testing.TB, conn grpc.ClientConnInterface) *sdk.Client {
	t.Helper()
	c, err := sdk.NewClient(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func user(name string) sdk.Request {
	r := password("secret of " + name)
	r.Credential.Username = name
	return r
}

// Whoever asks gets the answer to what they asked, however many ask at once.
func TestCallsAtOnce(t *testing.T) {
	const callers = 200
	var together sync.WaitGroup
	together.Add(callers)
	c := connect(t, plugin(func(_ context.Context, r sdk.Request) (sdk.Identity, error) {
		together.Done()
		together.Wait() // all of them are here
		return sdk.Identity{Subject: r.Credential.Username}, nil
	}))
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			id, err := c.Authenticate(t.Context(), user(strconv.Itoa(i)))
			if err != nil || id.Subject != strconv.Itoa(i) {
				t.Errorf("%d: %+v, %v", i, id, err)
			}
		})
	}
	group.Wait()
}

// A caller who gives up ends its own call, there too, and nobody else's.
func TestGivingUp(t *testing.T) {
	either(t, func(t *testing.T, connect connector) {
		begun, ended := make(chan string), make(chan string, 2)
		goOn := make(chan struct{})
		c := connect(t, plugin(func(ctx context.Context, r sdk.Request) (sdk.Identity, error) {
			begun <- r.Credential.Username
			select {
			case <-ctx.Done():
				ended <- r.Credential.Username
				return sdk.Identity{}, ctx.Err()
			case <-goOn:
				return sdk.Identity{Subject: "x"}, nil
			}
		}))
		patient := make(chan error, 1)
		go func() {
			_, err := c.Authenticate(t.Context(), user("patient"))
			patient <- err
		}()
		<-begun
		ctx, cancel := context.WithCancel(t.Context())
		hasty := make(chan error, 1)
		go func() {
			_, err := c.Authenticate(ctx, user("hasty"))
			hasty <- err
		}()
		<-begun
		cancel()
		if err := <-hasty; !errors.Is(err, sdk.ErrUnavailable) || !errors.Is(err, context.Canceled) {
			t.Errorf("who gave up: %v", err)
		}
		if who := <-ended; who != "hasty" {
			t.Errorf("the call of %s was ended", who)
		}
		close(goOn)
		if err := <-patient; err != nil {
			t.Errorf("who did not: %v", err)
		}
	})
}

// The deadline arrives, a little early, and so does the trace.
func TestContextArrives(t *testing.T) {
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	either(t, func(t *testing.T, connect connector) {
		var want time.Time
		c := connect(t, plugin(func(ctx context.Context, r sdk.Request) (sdk.Identity, error) {
			deadline, ok := ctx.Deadline()
			if early := want.Sub(deadline); ok != !want.IsZero() || ok && (early < 50*time.Millisecond || early > time.Minute) {
				t.Errorf("%v, %v, want about %v", deadline, ok, want)
			}
			return sdk.Identity{Subject: sdk.Traceparent(ctx) + "."}, nil
		}))
		if id, err := c.Authenticate(t.Context(), password("x")); err != nil || id.Subject != "." {
			t.Errorf("without: %+v, %v", id, err)
		}
		want = time.Now().Add(time.Hour)
		ctx, cancel := context.WithDeadline(metadata.AppendToOutgoingContext(t.Context(), "traceparent", trace), want)
		defer cancel()
		if id, err := c.Authenticate(ctx, password("x")); err != nil || id.Subject != trace+"." {
			t.Errorf("with: %+v, %v", id, err)
		}
	})
}

// What is too large for a message fails alone, and what is nearly so comes
// through, be it that many send it at once.
func TestLargeMessagesAtOnce(t *testing.T) {
	claims := map[string]any{"text": strings.Repeat("x", sdk.MaxClaims-100)}
	huge := slicesOf(sdk.MaxList, strings.Repeat("g", sdk.MaxString))
	var together sync.WaitGroup
	c := connect(t, plugin(func(_ context.Context, r sdk.Request) (sdk.Identity, error) {
		together.Done()
		together.Wait()
		id := sdk.Identity{Subject: "x", Claims: claims}
		if r.Credential.Username == "huge" {
			id.Groups = huge
		}
		return id, nil
	}))
	ask := func(r sdk.Request) error {
		_, err := c.Authenticate(t.Context(), r)
		return err
	}
	const callers = 20
	together.Add(callers + 1)
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			if err := ask(user("large")); err != nil {
				t.Errorf("a large answer: %v", err)
			}
		})
	}
	group.Go(func() {
		if err := ask(user("huge")); !errors.Is(err, sdk.ErrUnavailable) || !strings.Contains(err.Error(), "larger than 1 MiB") {
			t.Errorf("too large an answer: %v", err)
		}
	})
	r := user("large")
	r.Attributes = map[string]string{}
	for i := range sdk.MaxList {
		r.Attributes[fmt.Sprint(i)] = strings.Repeat("a", sdk.MaxString)
	}
	if err := ask(r); !errors.Is(err, sdk.ErrUnavailable) || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("too large a request: %v", err)
	}
	group.Wait()
}

// liar is a plugin whose stream answers what nobody asked, then nothing, then ends.
type liar struct {
	pluginpb.UnimplementedPluginServer
}

func (liar) Describe(context.Context, *pluginpb.DescribeRequest) (*pluginpb.DescribeResponse, error) {
	return &pluginpb.DescribeResponse{Streams: true}, nil
}

func (liar) Authenticate(context.Context, *pluginpb.AuthenticateRequest) (*pluginpb.Outcome, error) {
	return &pluginpb.Outcome{Result: &pluginpb.Outcome_Identity{Identity: &pluginpb.Identity{Subject: "alone"}}}, nil
}

func (liar) Stream(stream grpc.BidiStreamingServer[pluginpb.Questions, pluginpb.Answers]) error {
	identity := &pluginpb.Outcome{Result: &pluginpb.Outcome_Identity{Identity: &pluginpb.Identity{Subject: "forged"}}}
	m, err := stream.Recv()
	if err != nil {
		return err
	}
	id := m.Questions[0].Id
	for _, answers := range [][]*pluginpb.Answer{
		nil, {nil}, {{Id: 0, Outcome: identity}, {Id: id + 1, Outcome: identity}, {Id: id}}, {{Id: id, Outcome: identity}},
	} {
		if err := stream.Send(&pluginpb.Answers{Answers: answers}); err != nil {
			return err
		}
	}
	_, err = stream.Recv()
	return errors.Join(io.ErrUnexpectedEOF, err)
}

func TestStreamThatLies(t *testing.T) {
	server := grpc.NewServer()
	pluginpb.RegisterPluginServer(server, liar{})
	c := client(t, dial(t, server))
	if id, err := c.Authenticate(t.Context(), password("x")); !errors.Is(err, sdk.ErrUnavailable) || id.Subject != "" {
		t.Errorf("an answer of nothing: %+v, %v", id, err)
	}
	if _, err := c.Authenticate(t.Context(), password("opensesame")); !errors.Is(err, sdk.ErrUnavailable) || strings.Contains(err.Error(), "sesame") {
		t.Errorf("when the stream ends: %v", err)
	}
	if id, err := c.Authenticate(t.Context(), password("x")); err != nil || id.Subject != "alone" {
		t.Errorf("afterwards: %+v, %v", id, err)
	}
}

// Nothing is left of a stream whose connection has gone.
func TestStreamEndsWithItsConnection(t *testing.T) {
	server := sdk.NewServer(plugin(func(context.Context, sdk.Request) (sdk.Identity, error) {
		return sdk.Identity{Subject: "x"}, nil
	}))
	conn := dial(t, server)
	c := client(t, conn)
	if _, err := c.Authenticate(t.Context(), password("x")); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	server.Stop()
	if _, err := c.Authenticate(t.Context(), password("x")); !errors.Is(err, sdk.ErrUnavailable) {
		t.Errorf("without a connection: %v", err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		var stacks bytes.Buffer
		_ = pprof.Lookup("goroutine").WriteTo(&stacks, 2)
		if text := stacks.String(); !strings.Contains(text, "asker)") && !strings.Contains(text, "answerer)") {
			return
		} else if time.Now().After(deadline) {
			t.Fatal(text)
		}
	}
}
