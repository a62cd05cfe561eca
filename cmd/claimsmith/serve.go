package main

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/cmd/claimsmith/config"
)

func newServeCommand() *cobra.Command {
	s := new(site)
	var listen, admin string
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: "Run the server by a configuration file, or with --demo a complete one that\n" +
			"needs none: it listens on loopback only, and prints commands to try.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			keepHeadroom(serverHeadroom)
			if s.demo {
				return serveDemo(c.Context(), s.data, listen, admin, c.OutOrStdout(), c.ErrOrStderr())
			}
			cfg, err := s.load()
			if err != nil {
				return err
			}
			override(&cfg.Listen, listen)
			override(&cfg.Admin, admin)
			return serve(c.Context(), cfg, c.ErrOrStderr())
		},
	}
	s.flags(c)
	c.Flags().StringVar(&listen, "listen", "", "`ADDR` that callers reach, instead of the configured one")
	c.Flags().StringVar(&admin, "admin", "", "`ADDR` that operators reach, instead of the configured one; off for none")
	return c
}

func override(field *string, value string) {
	if value != "" {
		*field = value
	}
}

// serve runs the server of a configuration until ctx ends.
func serve(ctx context.Context, cfg *config.Config, stderr io.Writer) error {
	on, err := listen(cfg)
	if err != nil {
		return err
	}
	db, err := openStorage(ctx, cfg)
	if err != nil {
		return err
	}
	defer db.Close()
	log := newLogger(stderr, cfg.Log)
	return run(ctx, cfg, db, on, log, func() {
		log.Info("serving", "listen", on.public.Addr().String(), "version", version)
	})
}

// listen opens the listeners of a configuration.
func listen(cfg *config.Config) (listeners, error) {
	public, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return listeners{}, hint(err, "choose another address with --listen")
	}
	if cfg.Admin == "off" {
		return listeners{public: public}, nil
	}
	admin, err := net.Listen("tcp", cfg.Admin)
	if err != nil {
		return listeners{}, errors.Join(hint(err, "choose another address with --admin, or off"), public.Close())
	}
	return listeners{public, admin}, nil
}
