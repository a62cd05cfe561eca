package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
)

// Most of what the tests do is to wait for other processes, so that more of them run at
// once than there are processors, unless -parallel says how many.
const testsPerProcessor = 2

// workDir holds what is built once for all tests; it goes when they have ended.
var workDir string

// tests are all tests of this binary, with what they share.
type tests struct{ *testing.M }

// Run runs the tests.
func (m tests) Run() int {
	var err error
	if workDir, err = os.MkdirTemp("", "claimsmith-builds-"); err != nil {
		log.Print(err)
		return 1
	}
	defer os.RemoveAll(workDir)
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		if err := f.Value.Set(strconv.Itoa(testsPerProcessor * runtime.GOMAXPROCS(0))); err != nil {
			log.Print(err)
			return 1
		}
	}
	return m.M.Run()
}

// goBuild returns what builds a program into workDir, once: of a package in a module's
// directory, with more flags.
func goBuild(name, module, pkg string, flags ...string) func() (path string, err error) {
	return sync.OnceValues(func() (string, error) {
		path := filepath.Join(workDir, name)
		cmd := exec.Command("go", append(append([]string{"build", "-o", path}, flags...), pkg)...)
		cmd.Dir = module
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("build %s: %w\n%s", name, err, out)
		}
		return path, nil
	})
}
