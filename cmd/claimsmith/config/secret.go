package config

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// maxSecretFile bounds the file of a secret, in bytes.
const maxSecretFile = 64 << 10

// Secret says where a secret stands: in a file or in an environment variable.
type Secret struct {
	File string `yaml:"file" jsonschema:"description=A file that holds the secret; the line end is cut off."`
	Env  string `yaml:"env" jsonschema:"description=An environment variable that holds the secret."`
}

// read returns the secret; a relative file starts at dir.
func (s Secret) read(dir string) (sdk.Secret, error) {
	switch {
	case (s.File == "") == (s.Env == ""):
		return "", errors.New("a secret stands in a file or in env: give one of the two")
	case s.Env != "":
		v, ok := os.LookupEnv(s.Env)
		if !ok || v == "" {
			return "", fmt.Errorf("the environment variable %s is not set", s.Env)
		}
		return sdk.Secret(v), nil
	}
	f, err := os.Open(within(dir, s.File))
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	if err != nil {
		return "", err
	}
	secret := strings.TrimRight(string(text), "\r\n")
	if secret == "" || len(text) > maxSecretFile {
		return "", fmt.Errorf("%s: empty, or larger than 64 KiB", s.File)
	}
	return sdk.Secret(secret), nil
}

// readKey returns a secret that is 32 bytes as base64.
func (s Secret) readKey(dir string) ([]byte, error) {
	text, err := s.read(dir)
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(text.Reveal())
	if err != nil || len(key) != 32 {
		return nil, errors.New("not 32 bytes as base64")
	}
	return key, nil
}

// within returns path, which starts at dir where it is relative.
func within(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
