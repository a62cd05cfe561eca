package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/plugins/apikey"
	"github.com/claimsmith/claimsmith/plugins/database"
	"github.com/claimsmith/claimsmith/plugins/ldap"
	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// builtin are the plugins that this binary serves.
var builtin = map[string]func() sdk.Authenticator{
	"ldap":     func() sdk.Authenticator { return ldap.New() },
	"database": func() sdk.Authenticator { return database.New() },
	"apikey":   func() sdk.Authenticator { return apikey.New() },
}

func newPluginCommand() *cobra.Command {
	c := &cobra.Command{Use: "plugin", Short: "Serve the built-in plugins"}
	c.AddCommand(newPluginServeCommand())
	return c
}

func newPluginServeCommand() *cobra.Command {
	var schema bool
	names := strings.Join(slices.Sorted(maps.Keys(builtin)), ", ")
	c := &cobra.Command{
		Use:   "serve NAME",
		Short: "Be a built-in plugin; the server starts this itself",
		Long:  "Be the process of a built-in plugin: " + names + ".",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			newPlugin, ok := builtin[args[0]]
			if !ok {
				return hint(fmt.Errorf("no built-in plugin %q", args[0]), "there are: %s", names)
			}
			plugin := newPlugin()
			if !schema {
				sdk.Serve(plugin)
				if closer, ok := plugin.(io.Closer); ok {
					return closer.Close()
				}
				return nil
			}
			if d, ok := plugin.(sdk.Describer); ok {
				_, err := fmt.Fprintf(c.OutOrStdout(), "%s\n", d.Describe().Schema)
				return err
			}
			return nil
		},
	}
	c.Flags().BoolVar(&schema, "schema", false, "print the JSON Schema of the plugin's configuration instead")
	return c
}
