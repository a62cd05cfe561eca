package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Set when the program is linked, by make build.
var (
	version = "devel"
	commit  = "unknown"
	date    = "unknown"
)

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version, the commit and its date",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			commit, date := buildInfo()
			_, err := fmt.Fprintf(c.OutOrStdout(), "claimsmith %s, commit %s, %s, %s %s/%s\n",
				version, commit, date, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}

// buildInfo returns what was linked in, else what the Go toolchain knows.
func buildInfo() (string, string) {
	commit, date := commit, date
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return commit, date
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && commit == "unknown":
			commit = s.Value
		case s.Key == "vcs.time" && date == "unknown":
			date = s.Value
		}
	}
	return commit, date
}
