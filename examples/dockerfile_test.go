package examples_test

import (
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// imageVersion is the build argument VERSION of the binary that tests run.
const imageVersion = "v1.2.3-test"

func TestDockerfileBuildsAStaticBinary(t *testing.T) {
	claimsmith := imageBinary(t)
	if got := runToEnd(t, exec.Command(claimsmith, "version")); !strings.Contains(got, imageVersion) {
		t.Errorf("claimsmith version says %q, want %s in it", got, imageVersion)
	}
	if runtime.GOOS != "linux" {
		return
	}
	f, err := elf.Open(claimsmith)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if libraries, err := f.ImportedLibraries(); len(libraries) > 0 {
		t.Errorf("the binary needs %v (%v), want none: the image has no libraries", libraries, err)
	}
	if slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		t.Error("the binary needs a dynamic loader, which the image does not have")
	}
}

func TestImageRunsAsNobody(t *testing.T) {
	_, image, _ := strings.Cut(readFile(t, "../Dockerfile"), "\nFROM scratch\n")
	for _, line := range []string{"USER 65532:65532", `ENTRYPOINT ["claimsmith"]`} {
		if !strings.Contains("\n"+image, "\n"+line+"\n") {
			t.Errorf("the image's stage of the Dockerfile lacks %s:\n%s", line, image)
		}
	}
	if regexp.MustCompile(`(?m)^RUN`).MatchString(image) {
		t.Error("the image's stage has a RUN, and no shell to run it")
	}
}

// imageBinary returns the program of the image, built by the Dockerfile's own
// commands in a copy of what docker build would see.
func imageBinary(t *testing.T) string {
	t.Helper()
	dir, err := buildImage()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "image", "claimsmith")
}

// buildImage runs the build commands and returns the directory that they ran in.
var buildImage = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(workDir, "src")
	root, anywhere, err := dockerignore()
	if err != nil {
		return "", err
	}
	err = copyTree(dir, "..", func(name string) bool {
		return slices.Contains(root, name) || slices.Contains(anywhere, path.Base(name))
	})
	if err != nil {
		return "", err
	}
	args, commands, err := buildStage("../Dockerfile")
	if err != nil {
		return "", err
	}
	for _, command := range commands {
		cmd := exec.Command("/bin/sh", "-e", "-c", command)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), append(args, "VERSION="+imageVersion)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("RUN %s: %w\n%s", command, err, out)
		}
	}
	return dir, nil
})

var mountFlag = regexp.MustCompile(`^(--mount=\S+\s+)+`)

// buildStage returns the ARGs that have values and the RUN commands of a
// Dockerfile's first stage.
func buildStage(name string) (args, commands []string, err error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, nil, err
	}
	stages := 0
	for line := range strings.Lines(strings.ReplaceAll(string(text), "\\\n", " ")) {
		instruction, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch instruction {
		case "FROM":
			stages++
		case "ARG":
			if stages == 1 && strings.Contains(rest, "=") {
				args = append(args, rest)
			}
		case "RUN":
			if stages == 1 {
				commands = append(commands, mountFlag.ReplaceAllString(strings.TrimSpace(rest), ""))
			}
		}
	}
	return args, commands, nil
}

// dockerignore returns the names in .dockerignore: those that are left out at
// the root and, after **/, those that are left out anywhere.
func dockerignore() (root, anywhere []string, err error) {
	text, err := os.ReadFile("../.dockerignore")
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "**/"); ok {
			anywhere = append(anywhere, name)
		} else {
			root = append(root, line)
		}
	}
	return root, anywhere, err
}

// copyTree copies a directory's regular files, but for those whose path leave says yes to.
func copyTree(to, from string, leave func(name string) bool) error {
	tree := os.DirFS(from)
	return fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		target := filepath.Join(to, name)
		switch {
		case err != nil:
			return err
		case leave(name) && d.IsDir():
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(target, 0o755)
		case leave(name) || !d.Type().IsRegular():
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		return os.WriteFile(target, text, 0o644)
	})
}
