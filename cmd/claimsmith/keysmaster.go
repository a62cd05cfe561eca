package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/cmd/claimsmith/config"
	"github.com/claimsmith/claimsmith/jwks"
	"github.com/claimsmith/claimsmith/storage"
)

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
		return nil, hint(err, "put back the master key that seals what is in storage, under its id; claimsmith keys rewrap moves to another")
	}
	return sealer, nil
}

func newKeysRewrapCommand(s *site) *cobra.Command {
	return &cobra.Command{
		Use:   "rewrap",
		Short: "Seal all keys and secrets anew, under the first of master_keys",
		Long: "Seal the keys and secrets of all issuers anew, under the first of master_keys.\n" +
			"To move to another master key:\n\n" +
			"  1. add it as the second of master_keys, and restart every replica;\n" +
			"  2. make it the first, and restart every replica;\n" +
			"  3. claimsmith keys rewrap;\n" +
			"  4. take out the old one.\n\n" +
			"Run it again after a failure: nothing is lost, and what is done stays done.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := s.load()
			if err != nil {
				return err
			}
			db, err := openStorage(c.Context(), cfg)
			if err != nil {
				return err
			}
			defer db.Close()
			return rewrap(c, cfg, db)
		},
	}
}

// rewrap seals every set of keys anew, and then says so in the check value: if
// it ends early, the old master key is still the one that a start asks for.
func rewrap(c *cobra.Command, cfg *config.Config, db *storage.DB) error {
	sealer, err := openSealer(c.Context(), cfg, db)
	if err != nil {
		return err
	}
	sets, err := db.KeySets(c.Context())
	if err != nil {
		return err
	}
	if err := rewrapSets(c, cfg, db, sealer, sets); err != nil {
		return err
	}
	former, err := db.Meta(c.Context(), masterKeyCheck)
	if err != nil {
		return fmt.Errorf("check master key: %w", err)
	}
	if err := db.ReplaceMeta(c.Context(), masterKeyCheck, former, sealer.CheckValue()); err != nil {
		return fmt.Errorf("check master key: %w", err)
	}
	fmt.Fprintf(c.OutOrStdout(), "all keys are sealed under %s; the other master keys may go\n", sealer.Current())
	return nil
}

func rewrapSets(c *cobra.Command, cfg *config.Config, db *storage.DB, sealer *jwks.Sealer, sets []string) error {
	log := newLogger(c.ErrOrStderr(), cfg.Log).Logger
	events, err := openCommandEvents(cfg, db, log)
	if err != nil {
		return err
	}
	for _, set := range sets {
		sealed, err := jwks.Rewrap(c.Context(), db, sealer, set)
		if err != nil {
			return errors.Join(hint(err, "master_keys must still hold the one that sealed it"), events.close())
		}
		for _, change := range sealed {
			events.Changed(change)
		}
		if len(sealed) > 0 {
			log.Warn("keys rewrapped", "issuer", set, "keys", len(sealed), "master_key", sealer.Current())
		}
		fmt.Fprintf(c.OutOrStdout(), "%s  %d sealed anew\n", set, len(sealed))
	}
	return events.close()
}
