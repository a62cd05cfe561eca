// Command claimsmith is an authorization server: credentials in, signed claims
// out. This package owns its commands and the wiring of all other packages;
// what the configuration may say belongs to cmd/claimsmith/config.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newCommand().ExecuteContext(ctx)
	stop()
	if err != nil {
		printError(os.Stderr, err)
		os.Exit(1)
	}
}

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "claimsmith",
		Short:         "Credentials in, signed claims out: an authorization server",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return hint(err, "see %s --help", c.CommandPath())
	})
	root.AddCommand(
		newServeCommand(),
		newConfigCommand(),
		newMigrateCommand(),
		newClientCommand(),
		newClaimsCommand(),
		newUserCommand(),
		newAPIKeyCommand(),
		newKeysCommand(),
		newSessionCommand(),
		newEventsCommand(),
		newPluginCommand(),
		newDialectCommand(),
		newTokenCommand(),
		newVerifyCommand(),
		newVersionCommand(),
	)
	root.Version = version
	strict(root)
	return root
}

// hintedError is an error that says what to do.
type hintedError struct {
	error
	hint string
}

func (e *hintedError) Unwrap() error { return e.error }

// hint returns err with a sentence on what to do; nil stays nil.
func hint(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &hintedError{err, fmt.Sprintf(format, args...)}
}

// printError writes what happened, then what to do.
func printError(w io.Writer, err error) {
	fmt.Fprintf(w, "claimsmith: %v\n", err)
	if h, ok := errors.AsType[*hintedError](err); ok {
		fmt.Fprintf(w, "hint: %s\n", h.hint)
	}
}

// must panics on an error that only a fault of this program can cause.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
