package main

import (
	"context"
	_ "embed" // the source of the overlay
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed testdata/pprof.go.txt
var pprofSource []byte

// build builds the program into dir. With profiles it adds a file to its main
// package, by an overlay, that lets each of its processes be profiled over a
// socket in the directory.
func build(ctx context.Context, dir, profiles string) (string, error) {
	const target = "github.com/claimsmith/claimsmith/cmd/claimsmith"
	linked := filepath.Join(dir, "linked")
	args := []string{"build", "-trimpath", "-tags", "grpcnotrace", "-o", linked}
	if profiles == "" {
		args = append(args, "-ldflags", "-s -w")
	} else {
		overlay, err := writeOverlay(ctx, dir, target)
		if err != nil {
			return "", err
		}
		args = append(args, "-overlay", overlay, "-ldflags", "-X main.profileDir="+dir)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, target)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is shipped
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the program: %w\n%s", err, out)
	}
	return install(linked, filepath.Join(dir, "claimsmith"))
}

// install copies a program into place, as cp does. How a file came into the
// kernel's cache decides how many of its pages each process maps at once.
func install(linked, program string) (path string, err error) {
	from, err := os.Open(linked)
	if err != nil {
		return "", fmt.Errorf("install the program: %w", err)
	}
	defer from.Close()
	to, err := os.OpenFile(program, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o700)
	if err != nil {
		return "", fmt.Errorf("install the program: %w", err)
	}
	_, err = io.Copy(to, from)
	if err := errors.Join(err, to.Close()); err != nil {
		return "", fmt.Errorf("install the program: %w", err)
	}
	return program, nil
}

func writeOverlay(ctx context.Context, dir, target string) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-f", "{{.Dir}}", target).Output()
	if err != nil {
		return "", fmt.Errorf("find the program's package: %w", err)
	}
	source, file := filepath.Join(dir, "pprof.go"), filepath.Join(dir, "overlay.json")
	added := filepath.Join(string(out[:len(out)-1]), "zz_pprof.go")
	text, err := json.Marshal(map[string]map[string]string{"Replace": {added: source}})
	return file, errors.Join(err, os.WriteFile(source, pprofSource, 0o600), os.WriteFile(file, text, 0o600))
}
