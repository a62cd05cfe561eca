package servertest

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// Missing ends the test because something that it needs is not on this
// machine: it skips, or fails if CLAIMSMITH_TEST_ALL is 1, which promises that
// all is there.
func Missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CLAIMSMITH_TEST_ALL") == "1" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// program finds an executable in PATH or in one of the directories, which may
// be patterns; of several matches the last in the alphabet, which for
// Debian's /usr/lib/postgresql/* is the newest. It is "" if there is none.
func program(name string, dirs ...string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	var found []string
	for _, dir := range append(dirs, "/usr/sbin", "/usr/local/sbin", "/usr/local/bin") {
		matches, _ := filepath.Glob(filepath.Join(dir, name))
		slices.Sort(matches)
		slices.Reverse(matches)
		found = append(found, matches...)
	}
	for _, path := range found {
		if _, err := exec.LookPath(path); err == nil {
			return path
		}
	}
	return ""
}
