package rig

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/claimsmith/claimsmith/bench/floor"
	"github.com/claimsmith/claimsmith/bench/load"
)

// Process is a running program of the rig.
type Process struct {
	PID  int
	cmd  *exec.Cmd
	done chan error
	Log  string // the file of its standard error
}

// start starts a program in dir with its standard error in a file. It is ended
// with the rig.
func (r *Rig) start(dir, log string, stdout io.Writer, argv ...string) *Process {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Stdout = dir, stdout
	cmd.SysProcAttr = orphanage()
	file, err := os.OpenFile(filepath.Join(dir, log), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	r.Check(err)
	defer file.Close()
	cmd.Stderr = file
	p := &Process{cmd: cmd, done: make(chan error, 1), Log: file.Name()}
	r.Check(cmd.Start())
	p.PID = cmd.Process.Pid
	go func() { p.done <- cmd.Wait() }()
	r.Cleanup(p.Stop)
	return p
}

// Stop ends the process as an operator does, and after a while as nobody should.
func (p *Process) Stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-p.done:
		p.done <- err
	case <-time.After(10 * time.Second):
		p.cmd.Process.Kill()
	}
}

// await waits until ready is true, and ends the run if it never is.
func (r *Rig) await(p *Process, what string, ready func() bool) {
	deadline := time.Now().Add(30 * time.Second)
	for !ready() {
		select {
		case err := <-p.done:
			p.done <- err
			text, _ := os.ReadFile(p.Log)
			r.Fatalf("%s ended: %v\n%s", what, err, text)
		case <-r.ctx.Done():
			r.Check(r.ctx.Err())
		case <-time.After(2 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(p.Log)
			r.Fatalf("%s is not ready\n%s", what, text)
		}
	}
}

// Floor starts a floor that serves and returns its URL.
func (r *Rig) Floor(name string, c floor.Config) (*Process, string) {
	p, address := r.serve("floor "+name, "floor", name, c.String())
	return p, "http://" + address
}

// Echo starts the process of a plugin's floor and returns its socket.
func (r *Rig) Echo() (*Process, string) {
	return r.serve("echo", "echo", filepath.Join(r.Sub("echo"), "socket"))
}

// serve starts ourselves as something that prints where it listens.
func (r *Rig) serve(what string, args ...string) (p *Process, address string) {
	reader, writer, err := os.Pipe()
	r.Check(err)
	defer reader.Close()
	p = r.start(r.dir, "floors.log", writer, append([]string{r.Self}, args...)...)
	writer.Close()
	line, err := bufio.NewReader(reader).ReadString('\n')
	if err != nil {
		text, _ := os.ReadFile(p.Log)
		r.Fatalf("%s does not start: %s", what, text)
	}
	return p, strings.TrimSpace(line)
}

// Loop runs a floor that is one step alone, in a process of its own.
func (r *Rig) Loop(name string, c floor.Config, callers int, duration time.Duration) (s load.Sample, err error) {
	out, err := output(r.ctx, r.dir, r.Self, "loop", name, c.String(), fmt.Sprint(callers), duration.String())
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(out, &s)
}

// output runs a program to its end and returns what it printed.
func output(ctx context.Context, dir string, argv ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return nil, fmt.Errorf("%s: %w: %s", filepath.Base(argv[0]), err, bytes.TrimSpace(exit.Stderr))
	}
	return out, err
}
