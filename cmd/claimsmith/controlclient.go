package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"path/filepath"
	"syscall"

	"github.com/claimsmith/claimsmith/server"
)

// controlClient reaches the server that runs on a data directory.
type controlClient struct{ dir string }

// control returns the client of the server that runs on the site. It reads no
// configuration, which may hold what only the server may read.
func (s *site) control() (controlClient, error) {
	if s.demo || s.data != "" {
		if s.data == "" {
			return controlClient{}, hint(errors.New("--demo needs to know which demo"), "add --data DIR, the directory that serve --demo was started with")
		}
		return controlClient{s.data}, nil
	}
	if s.file == "" {
		return controlClient{}, hint(errors.New("no configuration"), "name one with --config FILE, or the server's data directory with --data DIR")
	}
	return controlClient{filepath.Dir(s.file)}, nil
}

// do asks the server and decodes its answer into into.
func (c controlClient) do(ctx context.Context, method, path string, into any) error {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(c.dir, server.ControlSocket))
	}}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, method, "http://claimsmith"+path, nil)
	if err != nil {
		return err
	}
	resp, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		return c.explain(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		return json.NewDecoder(resp.Body).Decode(into)
	}
	var refused refusal
	if err := json.NewDecoder(resp.Body).Decode(&refused); err != nil {
		return fmt.Errorf("the server answers %s", resp.Status)
	}
	if err := errors.New(refused.Error); refused.Hint == "" {
		return err
	} else {
		return hint(err, "%s", refused.Hint)
	}
}

// errNoServer is wrapped by the error of a command that finds no server to ask.
var errNoServer = errors.New("no server runs")

func (c controlClient) explain(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return hint(fmt.Errorf("%w on the data directory %s", errNoServer, cmp.Or(c.dir, ".")),
			"start it with claimsmith serve, or give here the --data that it was started with; each replica has its own")
	case errors.Is(err, fs.ErrPermission):
		return hint(fmt.Errorf("may not connect to the server: %w", err), "run this as the user that the server runs as")
	}
	return fmt.Errorf("ask the server: %w", err)
}
