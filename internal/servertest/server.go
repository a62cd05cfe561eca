package servertest

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// server is a running program that cannot outlive the test binary.
//
// Between the two stands a small shell that reads a pipe which nobody writes
// to. The pipe closes when the test binary ends, in whatever way, and the shell
// then stops the program and removes its directory.
type server struct {
	dir  string
	hold io.Closer     // the writing end of the pipe
	done chan struct{} // closed when the program has ended and its directory is gone
	log  bytes.Buffer  // the last it said; written until done
}

// watchdog runs "$@" until it ends or standard input does. Then it sends $STOP,
// and after ten seconds KILL. The output goes to server.log, its end to our own.
const watchdog = `
exec 3<&0
"$@" </dev/null >server.log 2>&1 3<&- &
server=$!
(
	read -r line <&3
	kill -s "$STOP" $server
	n=0
	while [ $n -lt 100 ]; do sleep 0.1; n=$((n+1)); done
	kill -s KILL $server
) >/dev/null 2>&1 &
wait $server
kill $!
tail -n 20 server.log
cd / && rm -rf "$DIR"
`

// startServer runs a program in dir, as the given account (nil: one's own), until
// stop is called or the test binary ends; signal, such as "TERM", is what ends
// it. The directory belongs to the program and is removed after it.
func startServer(dir string, as *syscall.Credential, signal string, argv ...string) (*server, error) {
	cmd := exec.Command("/bin/sh", append([]string{"-c", watchdog, "watchdog"}, argv...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "STOP="+signal, "DIR="+dir)
	// A group of its own, or an interrupt typed at the terminal would end the
	// watchdog together with the tests.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as, Setpgid: true}
	hold, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir, hold: hold, done: make(chan struct{})}
	cmd.Stdout = &s.log
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", argv[0], err)
	}
	go func() {
		cmd.Wait()
		close(s.done)
	}()
	return s, nil
}

// stop ends the program and returns when it and its directory are gone.
func (s *server) stop() {
	s.hold.Close()
	<-s.done
}

// await returns once ready answers nil. If the program ends first, or half a
// minute passes, the server is stopped and the error holds the end of its log.
func (s *server) await(ready func() error) error {
	deadline := time.After(30 * time.Second)
	for {
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-s.done:
			return fmt.Errorf("server ended at start: %s", s.log.String())
		case <-deadline:
			s.stop()
			return fmt.Errorf("server is not ready: %w\n%s", err, s.log.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// account is what a server runs as that refuses to run as root: the named user
// if we are root, or else nil, which is ourselves.
func account(name string) (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// serverDir makes a temporary directory that only the account can enter.
func serverDir(as *syscall.Credential) (string, error) {
	dir, err := os.MkdirTemp("", "claimsmith-test-")
	if err != nil || as == nil {
		return dir, err
	}
	return dir, os.Chown(dir, int(as.Uid), int(as.Gid))
}

// runAs runs a program to its end in dir as the account; the error holds what it said.
func runAs(dir string, as *syscall.Credential, argv ...string) error {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(argv[0]), err, out)
	}
	return nil
}

// freePort is a TCP port that nothing listened on a moment ago. Whoever uses it
// must be ready to lose it to another process and to ask again.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}
