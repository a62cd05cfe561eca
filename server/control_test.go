package server_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/server"
)

func dial(dir string) error {
	conn, err := net.Dial("unix", filepath.Join(dir, server.ControlSocket))
	if err != nil {
		return err
	}
	return conn.Close()
}

func TestControlSocketIsPrivateAndSingle(t *testing.T) {
	dir := t.TempDir()
	l, err := server.ListenControl(dir)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, server.ControlSocket))
	if err != nil || info.Mode() != fs.ModeSocket|0o600 {
		t.Errorf("socket %v, %v", info.Mode(), err)
	}
	if _, err := server.ListenControl(dir); !errors.Is(err, server.ErrControlTaken) {
		t.Errorf("a second server: %v", err)
	}
	if err := dial(dir); err != nil {
		t.Errorf("the first, after the second tried: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestControlSocketOfAKilledServerIsReplaced(t *testing.T) {
	dir := t.TempDir()
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, server.ControlSocket), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	if err := stale.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := server.ListenControl(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := dial(dir); err != nil {
		t.Error(err)
	}
}

func TestControlSocketWantsADirectoryOfUsualLength(t *testing.T) {
	if _, err := server.ListenControl(filepath.Join(t.TempDir(), "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
	deep := filepath.Join(t.TempDir(), strings.Repeat("d", 120))
	if err := os.Mkdir(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := server.ListenControl(deep); err == nil {
		t.Error("listens at a path that no address holds")
	}
	if left, err := os.ReadDir(deep); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
