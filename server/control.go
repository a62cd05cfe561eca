package server

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// ControlSocket is the name of the Unix socket in a server's data directory
// over which commands reach it while it runs.
const ControlSocket = "control.sock"

// ErrControlTaken is the error of a second server on one data directory.
var ErrControlTaken = errors.New("another server runs on this data directory")

// ListenControl listens for commands in a data directory. Only the user that
// the server runs as may connect. The socket of a server that was killed is
// replaced; that of one that runs is not.
func ListenControl(dir string) (net.Listener, error) {
	l, err := listenControl(dir)
	if err != nil {
		return nil, fmt.Errorf("listen for commands in %s: %w", dir, err)
	}
	return l, nil
}

func listenControl(dir string) (net.Listener, error) {
	lock, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	switch err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return nil, errors.Join(ErrControlTaken, lock.Close())
	case err != nil:
		return nil, errors.Join(fmt.Errorf("lock: %w", err), lock.Close())
	}
	path := filepath.Join(dir, ControlSocket)
	l, err := listenPrivate(path)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return &controlListener{l, path, lock}, nil
}

// listenPrivate makes a socket where nobody else reaches it and moves it to
// its path with its mode, over what a killed server left there.
func listenPrivate(path string) (*net.UnixListener, error) {
	private, err := os.MkdirTemp(filepath.Dir(path), ".control")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(private)
	made := filepath.Join(private, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: made, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(made, 0o600), os.Rename(made, path)); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// controlListener holds a data directory while it listens there. The lock goes
// with the process, however that ends.
type controlListener struct {
	*net.UnixListener
	path string
	lock *os.File
}

// Close ends listening and removes the socket.
func (l *controlListener) Close() error {
	return errors.Join(l.UnixListener.Close(), os.Remove(l.path), l.lock.Close())
}
