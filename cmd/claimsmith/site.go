package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/cmd/claimsmith/config"
	"github.com/claimsmith/claimsmith/storage"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// site says where a command finds what it works on: the same flags as serve
// has, so that an operator command reaches what the server runs on.
type site struct {
	file string
	demo bool
	data string

	issuer string // the name of the issuer meant; "" where there is one alone
}

// flags adds the flags that say where claimsmith's state is.
func (s *site) flags(c *cobra.Command) {
	c.PersistentFlags().StringVar(&s.file, "config", os.Getenv("CLAIMSMITH_CONFIG"), "configuration `FILE` (default $CLAIMSMITH_CONFIG)")
	c.PersistentFlags().Lookup("config").DefValue = "" // its value now is no news
	c.PersistentFlags().BoolVar(&s.demo, "demo", false, "the demo's data instead of a configuration file")
	c.PersistentFlags().StringVar(&s.data, "data", "", "`DIR` that holds the data; relative paths of storage start there")
}

// issuerFlag adds the flag that chooses one issuer of several.
func (s *site) issuerFlag(c *cobra.Command) {
	c.PersistentFlags().StringVar(&s.issuer, "issuer", "", "`NAME` of the issuer (default: the only one)")
}

// load returns the configuration.
func (s *site) load() (*config.Config, error) {
	switch {
	case s.demo && s.file != "" && s.file != os.Getenv("CLAIMSMITH_CONFIG"):
		return nil, errors.New("both --config and --demo are given")
	case s.demo && s.data == "":
		return nil, hint(errors.New("--demo needs to know which demo"), "add --data DIR, the directory that serve --demo was started with")
	case s.demo:
		return config.Demo(s.data)
	case s.file == "":
		return nil, hint(errors.New("no configuration"), "name one with --config FILE, or try the demo: claimsmith serve --demo")
	}
	return config.Load(s.file, s.data)
}

// noteUnasked tells an operator who works on a table that no issuer asks: who
// is added there logs in nowhere.
func noteUnasked(c *cobra.Command, cfg *config.Config, use, table string) {
	for i := range cfg.Issuers {
		for _, name := range cfg.Issuers[i].Chain {
			if cfg.Plugins[name].Use == use {
				return
			}
		}
	}
	fmt.Fprintf(c.ErrOrStderr(), "note: no issuer asks %s: none has a plugin with use: %s in its chain\n", table, use)
}

// opened is what a command found: one issuer of a configuration, and storage.
type opened struct {
	config *config.Config
	issuer *config.Issuer
	db     *storage.DB
}

// onIssuer makes a command of run, which works on one issuer's part of storage.
func (s *site) onIssuer(run func(c *cobra.Command, o *opened, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		cfg, err := s.load()
		if err != nil {
			return err
		}
		issuer, err := cfg.Issuer(s.issuer)
		if err != nil {
			return err
		}
		db, err := openStorage(c.Context(), cfg)
		if err != nil {
			return err
		}
		return errors.Join(run(c, &opened{cfg, issuer, db}, args), db.Close())
	}
}

// openStorage opens the storage that c names and migrates it.
func openStorage(ctx context.Context, c *config.Config) (*storage.DB, error) {
	db, err := storage.Open(ctx, c.SQL())
	if err != nil {
		return nil, hintStorage(err)
	}
	if err := db.Migrate(ctx); err != nil {
		return nil, errors.Join(hintStorage(fmt.Errorf("migrate storage: %w", err)), db.Close())
	}
	return db, nil
}

func hintStorage(err error) error {
	if errors.Is(err, sqldb.ErrUnavailable) {
		return hint(err, "is the database of storage.url running, and may this user reach it?")
	}
	return hint(err, "see storage in the configuration")
}
