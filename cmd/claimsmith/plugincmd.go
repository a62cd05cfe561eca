package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/cmd/claimsmith/config"
	"github.com/claimsmith/claimsmith/plugins/sdk"
)

func newPluginCommand() *cobra.Command {
	c := &cobra.Command{Use: "plugin", Short: "Test, list and upgrade plugins; serve the built-in ones"}
	c.AddCommand(newPluginServeCommand(), newPluginTestCommand(), newPluginListCommand(), newPluginUpgradeCommand())
	return c
}

// builtinNames lists the built-in plugins.
func builtinNames() string { return strings.Join(slices.Sorted(maps.Keys(config.Builtin)), ", ") }

func newPluginServeCommand() *cobra.Command {
	var schema bool
	c := &cobra.Command{
		Use:   "serve NAME",
		Short: "Be a built-in plugin; the server starts this itself",
		Long:  "Be the process of a built-in plugin: " + builtinNames() + ".",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			newPlugin, ok := config.Builtin[args[0]]
			if !ok {
				return hint(fmt.Errorf("no built-in plugin %q", args[0]), "there are: %s", builtinNames())
			}
			if schema {
				_, err := fmt.Fprintf(c.OutOrStdout(), "%s\n", bytes.TrimSpace(config.PluginSchema(args[0])))
				return err
			}
			keepHeadroom(pluginHeadroom)
			plugin := newPlugin()
			sdk.Serve(plugin)
			if closer, ok := plugin.(io.Closer); ok {
				return closer.Close()
			}
			return nil
		},
	}
	c.Flags().BoolVar(&schema, "schema", false, "print the JSON Schema of the plugin's configuration instead")
	return c
}
