package host

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is written into the file between the hash and the start is found out,
// though the file is the same and its times are put back.
func TestExecutableWrittenToAfterTheHash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plugin")
	if err := os.WriteFile(path, []byte("#!/bin/true\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	exe, err := openExecutable(&Config{Command: []string{path}})
	if err != nil {
		t.Fatal(err)
	}
	defer exe.close()
	if err := exe.unchanged(); err != nil {
		t.Errorf("untouched: %v", err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/evil\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, exe.info.ModTime(), exe.info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if err := exe.unchanged(); err == nil || !strings.Contains(err.Error(), "was changed while it was started") {
		t.Errorf("written to: %v", err)
	}
}

// What is executed is the file that was hashed, whatever its path names by then.
func TestExecutableReplacedAfterTheHash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plugin")
	for name, text := range map[string]string{path: "#!/bin/echo hashed\n", path + ".new": "#!/bin/echo replaced\n"} {
		if err := os.WriteFile(name, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	exe, err := openExecutable(&Config{Command: []string{path}})
	if err != nil {
		t.Fatal(err)
	}
	defer exe.close()
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	if out, err := exe.command(nil).Output(); err != nil || !strings.HasPrefix(string(out), "hashed ") {
		t.Errorf("executed: %q, %v", out, err)
	}
}
