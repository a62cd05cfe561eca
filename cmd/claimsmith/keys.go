package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/cmd/claimsmith/config"
	"github.com/claimsmith/claimsmith/jwks"
	"github.com/claimsmith/claimsmith/storage"
)

func newKeysCommand() *cobra.Command {
	s := new(site)
	c := &cobra.Command{Use: "keys", Short: "Look at an issuer's signing keys and rotate them"}
	s.flags(c)
	s.issuerFlag(c)
	c.AddCommand(newKeysListCommand(s), newKeysRotateCommand(s))
	return c
}

// onKeys makes a command of run, which works on one issuer's ring of keys.
func (s *site) onKeys(run func(c *cobra.Command, ring *jwks.Ring) error) func(*cobra.Command, []string) error {
	return s.onIssuer(func(c *cobra.Command, o *opened, _ []string) error {
		sealer, err := openSealer(c.Context(), o.config, o.db)
		if err != nil {
			return err
		}
		ring, err := jwks.Open(c.Context(), ringConfig(o.issuer, o.db, sealer, slog.New(slog.DiscardHandler)))
		if err != nil {
			return err
		}
		return run(c, ring)
	})
}

func newKeysListCommand(s *site) *cobra.Command {
	var p printer
	c := &cobra.Command{
		Use:   "list",
		Short: "List the keys and when each state of theirs begins",
		Args:  cobra.NoArgs,
		RunE: s.onKeys(func(c *cobra.Command, ring *jwks.Ring) error {
			return print(p, c.OutOrStdout(), "kid algorithm state announced active retired gone", ring.Keys(), func(k jwks.KeyStatus) []any {
				return []any{k.KID, k.Algorithm, k.State, k.Announced, k.Active, k.Retired, k.Gone}
			})
		}),
	}
	p.flag(c)
	return c
}

func newKeysRotateCommand(s *site) *cobra.Command {
	var now bool
	c := &cobra.Command{
		Use:   "rotate",
		Short: "Announce a successor for the signing key of each algorithm",
		Long: "Announce a successor for the signing key of each algorithm. It signs once every\n" +
			"service that caches the JWKS can know it. With --now it signs at once, for a\n" +
			"key that others may know: services that have the JWKS cached may reject tokens\n" +
			"until they fetch it again.",
		Args: cobra.NoArgs,
		RunE: s.onKeys(func(c *cobra.Command, ring *jwks.Ring) error {
			successors, err := ring.Rotate(c.Context(), now)
			if err != nil {
				return err
			}
			for _, k := range successors {
				when := "signs now"
				if wait := time.Until(k.Active); wait > 0 {
					when = fmt.Sprintf("signs from %s, in %s", k.Active.UTC().Format(time.RFC3339), wait.Round(time.Second))
				}
				fmt.Fprintf(c.OutOrStdout(), "%s  %s  %s\n", k.KID, k.Algorithm, when)
			}
			return nil
		}),
	}
	c.Flags().BoolVar(&now, "now", false, "let the successor sign at once")
	return c
}

// ringConfig is how an issuer's keys live.
func ringConfig(issuer *config.Issuer, db *storage.DB, sealer *jwks.Sealer, log *slog.Logger) jwks.Config {
	c := issuer.RingConfig()
	c.Store, c.Sealer, c.Log = db, sealer, log
	return c
}

// masterKeyCheck is the name under which storage keeps what proves a master key
// to be the right one.
const masterKeyCheck = "master_key_check"

// openSealer returns the sealer of the configured master keys. A key that is
// not the one that sealed what is in storage is an error, never a new start.
func openSealer(ctx context.Context, cfg *config.Config, db *storage.DB) (*jwks.Sealer, error) {
	keys, current := cfg.MasterKeyBytes()
	sealer, err := jwks.NewSealer(keys, current)
	if err != nil {
		return nil, hint(fmt.Errorf("open master keys: %w", err), "see master_keys in the configuration")
	}
	check, err := db.SetMetaOnce(ctx, masterKeyCheck, sealer.CheckValue())
	if err != nil {
		return nil, fmt.Errorf("check master key: %w", err)
	}
	if err := sealer.Verify(check); err != nil {
		return nil, hint(fmt.Errorf("check master key: %w", err),
			"put back the master key that storage was first used with, under its id")
	}
	return sealer, nil
}
