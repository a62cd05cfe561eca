package host

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// executable is what will be executed: an external one is open, hashed and,
// where it is pinned, the right one.
type executable struct {
	file   *os.File // nil: this program
	path   string
	args   []string
	sha256 string      // "" for this program
	info   os.FileInfo // from before it was hashed
}

// openExecutable finds and checks what c names. Close it after the start.
func openExecutable(c *Config) (*executable, error) {
	if c.Builtin != "" {
		path, err := thisProgram()
		if err != nil {
			return nil, fmt.Errorf("find this program: %w", err)
		}
		return &executable{path: path, args: []string{os.Args[0], "plugin", "serve", c.Builtin}}, nil
	}
	f, err := os.Open(c.Command[0])
	if err != nil {
		return nil, fmt.Errorf("open executable: %w", err)
	}
	e := &executable{file: f, path: c.Command[0], args: c.Command}
	if err := e.hash(c.SHA256); err != nil {
		_ = f.Close()
		return nil, err
	}
	return e, nil
}

// hash computes the file's hash and compares it with the one wanted, if any.
func (e *executable) hash(want string) error {
	info, err := e.file.Stat()
	if err != nil {
		return fmt.Errorf("open executable: %w", err)
	}
	if !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
		return fmt.Errorf("%s is not an executable file", e.path)
	}
	e.info = info
	h := sha256.New()
	if _, err := io.Copy(h, e.file); err != nil {
		return fmt.Errorf("hash executable: %w", err)
	}
	e.sha256 = hex.EncodeToString(h.Sum(nil))
	if want != "" && e.sha256 != want {
		return fmt.Errorf("%s has sha256 %s, not %s as configured; it was not started", e.path, e.sha256, want)
	}
	return nil
}

// unchanged returns an error if the file was written to since it was hashed.
// While it is executed nobody can.
func (e *executable) unchanged() error {
	if e.file == nil {
		return nil
	}
	now, err := e.file.Stat()
	if err != nil {
		return fmt.Errorf("check executable: %w", err)
	}
	if now.Size() != e.info.Size() || !now.ModTime().Equal(e.info.ModTime()) || changed(now) != changed(e.info) {
		return fmt.Errorf("%s was changed while it was started", e.path)
	}
	return nil
}

// command returns the command, without the host's environment and input.
func (e *executable) command(u *User) *exec.Cmd {
	cmd := &exec.Cmd{Path: e.path, Args: e.args, SysProcAttr: attributes(u)}
	if e.file != nil {
		executeOpen(cmd, e.file)
	}
	return cmd
}

func (e *executable) close() {
	if e.file != nil {
		_ = e.file.Close()
	}
}
