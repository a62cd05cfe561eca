package host

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// child is the process itself, as go-plugin's runner.Runner. Of what it
// writes, go-plugin sees the line of the handshake only: its own reading of
// logs trusts the plugin too much.
type child struct {
	cmd  *exec.Cmd
	dir  string // of its socket; "" until the handshake begins
	user *User
	out  *output

	stdout, stderr *os.File       // read ends
	hello          *io.PipeReader // the first line of stdout
	readers        sync.WaitGroup

	pid    atomic.Int64
	killed atomic.Bool // perhaps before it ran
	reaped atomic.Bool
	exited chan struct{} // closed when the process has ended
	state  error         // how, after exited
}

func newChild(cmd *exec.Cmd, user *User, out *output) *child {
	return &child{cmd: cmd, user: user, out: out, exited: make(chan struct{})}
}

// Start starts the process and returns when it runs.
func (c *child) Start(context.Context) error {
	err := c.start()
	if err != nil {
		c.state = err
		close(c.exited)
	}
	return err
}

func (c *child) start() error {
	if c.user != nil {
		if err := os.Chown(c.dir, int(c.user.UID), int(c.user.GID)); err != nil {
			return fmt.Errorf("hand over socket directory: %w", err)
		}
	}
	stdout, err := c.pipe(&c.stdout)
	if err != nil {
		return err
	}
	defer stdout.Close()
	stderr, err := c.pipe(&c.stderr)
	if err != nil {
		_ = c.stdout.Close()
		return err
	}
	defer stderr.Close()
	c.cmd.Stdout, c.cmd.Stderr = stdout, stderr

	started := make(chan error)
	go c.own(started)
	if err := <-started; err != nil {
		_, _ = c.stdout.Close(), c.stderr.Close()
		return fmt.Errorf("execute %s: %w", c.cmd.Args[0], err)
	}
	hello, w := io.Pipe()
	c.hello = hello
	c.readers.Go(func() { c.readStdout(w) })
	c.readers.Go(func() { c.out.copy(c.stderr); _ = c.stderr.Close() })
	return nil
}

func (c *child) pipe(read **os.File) (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make pipe: %w", err)
	}
	*read = r
	return w, nil
}

// own starts the process and waits for its end, on a thread of its own: the
// kernel kills the process when the thread that started it ends, whatever
// becomes of the program. The thread ends with this function.
func (c *child) own(started chan<- error) {
	runtime.LockOSThread()
	err := c.cmd.Start()
	if err != nil {
		started <- err
		return
	}
	c.pid.Store(int64(c.cmd.Process.Pid))
	if c.killed.Load() {
		c.signal()
	}
	started <- nil
	awaitExit(c.cmd.Process.Pid)
	c.signal() // its own children
	c.state = c.cmd.Wait()
	c.reaped.Store(true)
	close(c.exited)
	drained := time.Now().Add(time.Second) // someone else may hold the pipes open
	_, _ = c.stdout.SetReadDeadline(drained), c.stderr.SetReadDeadline(drained)
}

// readStdout hands the first line to go-plugin and the rest to the log.
func (c *child) readStdout(hello *io.PipeWriter) {
	r := bufio.NewReaderSize(c.stdout, 16<<10)
	line, _ := r.ReadSlice('\n') // too long or cut off: go-plugin says so
	_, _ = hello.Write(line)
	_ = hello.Close()
	c.out.copy(r)
	_ = c.stdout.Close()
}

// kill ends the process and all of its group at once, or as soon as it runs.
func (c *child) kill() {
	c.killed.Store(true)
	c.signal()
}

func (c *child) signal() {
	if pid := int(c.pid.Load()); pid > 0 && !c.reaped.Load() {
		_ = syscall.Kill(-pid, syscall.SIGKILL)
	}
}

// end kills what still runs and returns when all that it wrote is logged.
func (c *child) end() {
	c.kill()
	<-c.exited
	c.readers.Wait()
}

// explain replaces the error of a handshake if the process ended by itself.
// Go-plugin kills the others.
func (c *child) explain(err error) error {
	if c.pid.Load() == 0 {
		return err
	}
	<-c.exited
	if c.killed.Load() || c.how() == "signal: killed" {
		return err
	}
	return fmt.Errorf("it ended before it served: %s", c.how())
}

// how says how the process ended.
func (c *child) how() string {
	if c.state == nil {
		return "exit status 0"
	}
	return c.state.Error()
}

// Wait waits for the end of the process and says how it ended.
func (c *child) Wait(context.Context) error {
	<-c.exited
	return c.state
}

// Kill ends the process at once. Go-plugin calls it when the handshake fails.
func (c *child) Kill(context.Context) error { c.signal(); return nil }

// Stdout is the line of the handshake.
func (c *child) Stdout() io.ReadCloser { return c.hello }

// Stderr is empty: output reads it.
func (c *child) Stderr() io.ReadCloser { return io.NopCloser(strings.NewReader("")) }

// Name returns the path of the executable.
func (c *child) Name() string { return c.cmd.Args[0] }

// ID returns the process id.
func (c *child) ID() string { return strconv.FormatInt(c.pid.Load(), 10) }

// Diagnose says what usually is wrong when the handshake fails.
func (c *child) Diagnose(context.Context) string {
	return "hint: a plugin serves with plugins/sdk or speaks go-plugin's handshake on its standard output"
}

// PluginToHost refuses what is not a socket in the directory made for it: who
// may connect to anything else is not ours to say.
func (c *child) PluginToHost(network, address string) (string, string, error) {
	if network != "unix" || filepath.Dir(address) != c.dir {
		return "", "", errors.New("the plugin does not listen on a Unix socket in its directory; hint: it is $PLUGIN_UNIX_SOCKET_DIR")
	}
	return network, address, nil
}

// HostToPlugin returns its arguments: both sides see the same files.
func (c *child) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}
