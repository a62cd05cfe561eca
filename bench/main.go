// Command bench tells how near the server comes, on each of its paths, to what
// this machine can do at all. It runs the real program over real servers
// beside floors that do only the unavoidable work, in turn, and prints the
// ratio of their rates. It promises no absolute time.
//
//	go run ./bench [-paths token,jwks] [-for 800ms] [-rounds 5] [-program FILE]
//	go run ./bench -against FILE [-paths token]
//	go run ./bench -profile DIR [-paths token]
//
// docs/performance.md explains the table. This package owns what is compared
// with what; floors, load and set-up are in the packages below it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/claimsmith/claimsmith/bench/floor"
	"github.com/claimsmith/claimsmith/bench/load"
	"github.com/claimsmith/claimsmith/bench/rig"
	"github.com/claimsmith/claimsmith/plugins/sdk"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(ctx, os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		if errors.Is(err, rig.ErrMissing) || errors.Is(err, load.ErrNoWrk) {
			fmt.Fprintln(os.Stderr, "hint: make install-servers installs all but wrk: apt-get install wrk")
		}
		os.Exit(1)
	}
}

// command runs what the runner starts itself as, or else the runner.
func command(ctx context.Context, args []string) error {
	switch {
	case len(args) == 1 && args[0] == "plugin":
		sdk.Serve(compare{})
		return nil
	case len(args) == 2 && args[0] == "echo":
		return floor.Echo(ctx, args[1], announce)
	case len(args) == 3 && args[0] == "floor":
		c, err := floor.ParseConfig(args[2])
		if err != nil {
			return err
		}
		return floor.Serve(ctx, args[1], c, announce)
	case len(args) == 5 && args[0] == "loop":
		return loop(ctx, args[1:])
	}
	return bench(ctx, args)
}

func announce(address string) { fmt.Println(address) }

func loop(ctx context.Context, args []string) error {
	c, err := floor.ParseConfig(args[1])
	if err != nil {
		return err
	}
	callers, err1 := strconv.Atoi(args[2])
	duration, err2 := time.ParseDuration(args[3])
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	sample, err := floor.Loop(ctx, args[0], c, callers, duration)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(sample)
}

// options are what the runner is told.
type options struct {
	paths    []string // none: all
	duration time.Duration
	rounds   int
	program  string
	against  string
	profile  string
	growth   int
}

func parseOptions(args []string) (o options, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	paths := flags.String("paths", "", "only these rows: `NAME,NAME`")
	flags.DurationVar(&o.duration, "for", 800*time.Millisecond, "how long one run of load takes")
	flags.IntVar(&o.rounds, "rounds", 5, "how often each side runs")
	flags.StringVar(&o.program, "program", "", "the executable to measure, instead of building it")
	flags.StringVar(&o.against, "against", "", "divide by what this `FILE`, another build of the program, reaches instead of by floors")
	flags.StringVar(&o.profile, "profile", "", "write profiles of the paths into `DIR` instead of comparing")
	flags.IntVar(&o.growth, "growth", 1_000_000, "sessions and API keys of the row growth; a tenth as many clients")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if *paths != "" {
		o.paths = strings.Split(*paths, ",")
	}
	return o, nil
}

// bench is the runner.
func bench(ctx context.Context, args []string) error {
	o, err := parseOptions(args)
	if err != nil {
		return err
	}
	if err := load.Find(); err != nil {
		return err
	}
	if err := o.checkPaths(); err != nil {
		return err
	}
	if o.program == "" {
		dir, err := os.MkdirTemp("", "claimsmith-bench-build-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if o.program, err = build(ctx, dir, o.profile); err != nil {
			return err
		}
	}
	return rig.Run(ctx, o.program, func(r *rig.Rig) error {
		b := &runner{Rig: r, options: o, ctx: ctx}
		if o.profile != "" {
			return b.profileAll()
		}
		return b.compareAll()
	})
}
