package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/claimsmith/claimsmith/bench/rig"
)

// profiles are what is taken of each process under load.
var profiles = []string{"profile", "allocs", "mutex", "block"}

// profileAll writes the profiles of each path: DIR/PATH.PROCESS.KIND, where the
// process is the server or a plugin.
func (b *runner) profileAll() error {
	if err := os.MkdirAll(b.options.profile, 0o755); err != nil {
		return err
	}
	for _, r := range rows {
		if len(b.paths) > 0 && !b.wants(r.name) || len(b.paths) == 0 && r.reach == 0 {
			continue
		}
		ours, _, missing := r.sides(b)
		if missing != "" {
			fmt.Printf("%s: %s\n", r.path, missing)
			continue
		}
		if err := b.profileRow(r, ours); err != nil {
			return fmt.Errorf("profile %s: %w", r.path, err)
		}
	}
	return nil
}

const profiled = 8 * time.Second

func (b *runner) profileRow(r row, ours side) error {
	sockets, err := filepath.Glob(filepath.Join(filepath.Dir(b.program), "*.sock"))
	if err != nil {
		return err
	}
	var group errgroup.Group
	for _, socket := range sockets {
		for _, kind := range profiles {
			group.Go(func() error {
				time.Sleep(time.Second) // let the load begin
				return b.fetch(r, socket, kind)
			})
		}
	}
	sample, err := ours(profiled + 2*time.Second)
	if err != nil {
		return err
	}
	fmt.Printf("%-34s %s/s, %d errors\n", r.path, rate(sample.Rate()), sample.Errors)
	return group.Wait()
}

// fetch writes one profile of the process behind a socket, of what it does
// while it is asked.
func (b *runner) fetch(r row, socket, kind string) error {
	client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
	resp, err := client.Get(fmt.Sprintf("http://process/debug/pprof/%s?seconds=%d", kind, int(profiled.Seconds())))
	if err != nil {
		return nil // it has ended
	}
	defer resp.Body.Close()
	pid, err := strconv.Atoi(strings.TrimSuffix(filepath.Base(socket), ".sock"))
	if err != nil {
		return err
	}
	name := strings.TrimPrefix(rig.NameOf(pid), "plugin ")
	file, err := os.Create(filepath.Join(b.options.profile, r.name+"."+name+"."+kind))
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(file, resp.Body)
	return err
}
