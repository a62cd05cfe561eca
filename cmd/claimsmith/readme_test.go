package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// block is a fenced block of a page.
type block struct{ language, text string }

func readBlocks(t *testing.T, page string) []block {
	t.Helper()
	text, err := os.ReadFile("../../" + page)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []block
	for _, m := range regexp.MustCompile("(?s)```(\\w+)\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		blocks = append(blocks, block{m[1], m[2]})
	}
	return blocks
}

// TestREADME runs the README's commands, and those for authors of clients, against
// the demo that the first one starts, and compares their output with the block that
// follows them.
func TestREADME(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	listen := freeAddress(t)
	blocks := append(readBlocks(t, "README.md"), readBlocks(t, "docs/clients.md")...)
	if blocks[0].text != "make run\n" {
		t.Fatalf("the first command is %q", blocks[0].text)
	}
	var terminal logBuffer
	demo := command(t, dir, "serve", "--demo", "--data", "data", "--listen", listen, "--admin", freeAddress(t))
	demo.Stdout, demo.Stderr = &terminal, &terminal
	if err := demo.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		demo.Process.Kill()
		demo.Wait()
	})
	for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(dir, "data", demoEnv)); err == nil {
			break
		}
		if time.Since(begun) > 30*time.Second {
			t.Fatal("the demo does not start")
		}
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for i, b := range blocks[1:] {
		if b.language != "sh" {
			continue
		}
		script := strings.NewReplacer("127.0.0.1:8080", listen, "go run ./cmd/claimsmith", program).Replace(b.text)
		sh := exec.Command("sh", "-e", "-c", script)
		sh.Dir = dir
		sh.Env = append(os.Environ(), asProgram+"=1")
		out, err := sh.Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s", b.text, err, out)
		}
		ran++
		if next := blocks[i+2]; next.language == "json" || next.language == "text" {
			if diff := cmp.Diff(masked(next.text), masked(strings.ReplaceAll(string(out), listen, "127.0.0.1:8080"))); diff != "" {
				t.Errorf("%s prints (-README +now):\n%s", b.text, diff)
			}
		}
	}
	if ran < 6 {
		t.Errorf("%d commands ran: are the blocks still marked sh?", ran)
	}
	const last = "Stop with Ctrl-C."
	for begun := time.Now(); !strings.Contains(terminal.String(), last) && time.Since(begun) < 30*time.Second; {
		time.Sleep(10 * time.Millisecond)
	}
	_, tour, _ := strings.Cut(terminal.String(), "claimsmith demo\n")
	if tour, _, ok := strings.Cut(tour, last); !ok || strings.Contains(tour, "level=") {
		t.Errorf("the demo prints no commands to paste, or its log between them:\n%s", tour)
	}
}

// TestTheSmallestConfiguration holds the README's to what config check says.
func TestTheSmallestConfiguration(t *testing.T) {
	dir := newSite(t, "127.0.0.1:8080", "", "")
	for _, b := range readBlocks(t, "README.md") {
		if b.language != "yaml" {
			continue
		}
		writeFile(t, dir, "claimsmith.yaml", b.text)
		if out := claimsmith(t, dir, "config", "check", "--config", "claimsmith.yaml"); !strings.Contains(out, "ok") {
			t.Error(out)
		}
		return
	}
	t.Error("the README has no configuration")
}

var masks = []*regexp.Regexp{
	regexp.MustCompile(`[\w-]{20,}(\.[\w…-]*)*`), // tokens and ids
	regexp.MustCompile(`\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z`),
	regexp.MustCompile(`\b\d{10}\b`),       // times
	regexp.MustCompile(`\.[a-z2-7]{12}\b`), // ids of secrets
}

// masked returns a text in which what differs from run to run is hidden: ids
// and times, the widths of columns, and the order of what was made in the same
// moment.
func masked(text string) string {
	for _, m := range masks {
		text = m.ReplaceAllString(text, "…")
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i, line := range lines {
		lines[i] = strings.Join(strings.Fields(line), " ")
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
