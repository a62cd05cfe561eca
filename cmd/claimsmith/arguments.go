package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/internal/nearest"
)

// strict has every command below c say what is right of arguments that are
// wrong. For a misspelt command of a group, such as keys, cobra prints the help
// and succeeds, and a script would go on as if something had been done.
func strict(c *cobra.Command) {
	for _, child := range c.Commands() {
		strict(child)
	}
	if c.HasSubCommands() && c.HasParent() {
		c.DisableFlagsInUseLine = true // by itself a group does nothing
		c.RunE = func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.Help()
			}
			return unknownCommand(c, args[0])
		}
		return
	}
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			return hint(check(c, args), "write: %s", c.UseLine())
		}
	}
}

func unknownCommand(c *cobra.Command, name string) error {
	var names []string
	for _, child := range c.Commands() {
		if child.IsAvailableCommand() {
			names = append(names, child.Name())
		}
	}
	err := fmt.Errorf("%s: no command %q", c.CommandPath(), name)
	if near := nearest.Name(name, names); near != "" {
		return hint(err, "did you mean %s?", near)
	}
	return hint(err, "there are: %s", strings.Join(names, ", "))
}
