// Package examples_test runs the examples: the relying services against an
// issuer of its own and against the demo, and what the Dockerfile and
// docker-compose.yml say, without containers.
package examples_test

import (
	"fmt"
	"os"
	"testing"
)

// workDir holds what several tests share; it goes when they have ended.
var workDir string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "claimsmith-examples-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	workDir = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}
