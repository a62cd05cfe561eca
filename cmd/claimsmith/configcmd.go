package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/cmd/claimsmith/config"
)

func newConfigCommand() *cobra.Command {
	s := new(site)
	c := &cobra.Command{Use: "config", Short: "Check, describe and reload the configuration"}
	s.flags(c)
	c.AddCommand(newConfigCheckCommand(s), newConfigSchemaCommand(), newConfigShowCommand(s), newConfigReloadCommand(s))
	return c
}

func newConfigCheckCommand(s *site) *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Print every fault of the configuration file, with line, column and a hint",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := s.load()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s: ok, %d issuers, %d plugins\n", cfg.File, len(cfg.Issuers), len(cfg.Plugins))
			return err
		},
	}
}

func newConfigSchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of the configuration file",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			schema, err := config.Schema()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s\n", schema)
			return err
		},
	}
}

func newConfigShowCommand(s *site) *cobra.Command {
	return &cobra.Command{
		Use:   "show",
		Short: "Print the configuration with its defaults filled in and secrets left out",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := s.load()
			if err != nil {
				return err
			}
			text, err := cfg.YAML()
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(text)
			return err
		},
	}
}

func newMigrateCommand() *cobra.Command {
	s := new(site)
	c := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the tables in storage up to date; serve does so too",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := s.load()
			if err != nil {
				return err
			}
			db, err := openStorage(c.Context(), cfg)
			if err != nil {
				return err
			}
			return db.Close()
		},
	}
	s.flags(c)
	return c
}
