package examples_test

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// keeper runs "$@" until standard input ends, which it does with the test
// binary, in whatever way that ends.
const keeper = `"$@" </dev/null & child=$!
exec >&- 2>&-
read -r line
kill $child
wait $child`

// keep starts a program, which ends with the test, and returns its standard
// output. Its standard error is the test's.
func keep(t *testing.T, program *exec.Cmd) io.Reader {
	t.Helper()
	cmd := exec.Command("/bin/sh", append([]string{"-c", keeper, "keeper"}, program.Args...)...)
	cmd.Dir, cmd.Env, cmd.Stderr = program.Dir, program.Env, t.Output()
	hold, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	// Our own pipe, as Wait closes the one of StdoutPipe under its reader.
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = in
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	t.Cleanup(func() {
		hold.Close()
		cmd.Wait()
		out.Close()
	})
	return out
}

// runToEnd runs a program that must succeed and returns what it said.
func runToEnd(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return string(out)
}

// eventually asks until the answer is yes; it gives up after 30 seconds.
func eventually(t *testing.T, ready func() bool, format string, args ...any) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for !ready() {
		select {
		case <-deadline:
			t.Fatalf("waited in vain for "+format, args...)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// readFile returns a file's text.
func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// writeFile writes a file for its owner alone.
func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
