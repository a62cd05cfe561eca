package config

import (
	"crypto/rand"
	_ "embed" // demo.yaml
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

//go:embed demo.yaml
var demo []byte

// Demo returns the configuration of the demo whose data is in dir.
func Demo(dir string) (*Config, error) {
	c, err := parse("demo.yaml", demo, dir, dir)
	if err != nil {
		return nil, err
	}
	c.demo = true
	return c, nil
}

// NewDemo is Demo for a directory that may be new: it makes the master key
// where there is none.
func NewDemo(dir string) (*Config, error) {
	key := make([]byte, 32)
	rand.Read(key)
	f, err := os.OpenFile(filepath.Join(dir, "master.key"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		return Demo(dir)
	case err != nil:
		return nil, fmt.Errorf("make master key: %w", err)
	}
	_, err = fmt.Fprintln(f, base64.StdEncoding.EncodeToString(key))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("make master key: %w", err)
	}
	return Demo(dir)
}
