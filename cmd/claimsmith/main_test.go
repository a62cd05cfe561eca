package main

import (
	"os"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// TestMain lets this test binary be the program: a test starts it under that
// name, and it starts itself again for each built-in plugin.
func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	if len(os.Args) > 2 && os.Args[1] == "plugin" && os.Args[2] == "serve" {
		main()
		syscall.Exit(0) // the host gives a plugin no environment, and so not endAtOnce
	}
	if len(os.Args) > 2 && os.Args[1] == keysInFiles {
		sdk.Serve(&fileKeys{dir: os.Args[2]})
		syscall.Exit(0)
	}
	os.Setenv("GORACE", endAtOnce+" "+os.Getenv("GORACE"))
	testscript.Main(tests{m}, map[string]func(){"claimsmith": main})
}

// asProgram is set in the environment of a test binary that is to be the program.
const asProgram = "CLAIMSMITH_TEST_AS_PROGRAM"

// endAtOnce in GORACE has a program that is built with the race detector end as any
// other does, and not a second later.
const endAtOnce = "atexit_sleep_ms=0"

// TestCommands runs the command line as an operator types it.
func TestCommands(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("CLAIMSMITH_CONFIG", "claimsmith.yaml")
			env.Setenv("GORACE", os.Getenv("GORACE"))
			return os.CopyFS(env.WorkDir, os.DirFS(newSite(t, "127.0.0.1:8080", "", "")))
		},
	})
}
