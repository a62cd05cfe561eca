package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/cmd/claimsmith/config"
	"github.com/claimsmith/claimsmith/jwks"
	"github.com/claimsmith/claimsmith/storage"
)

func newKeysCommand() *cobra.Command {
	s := new(site)
	c := &cobra.Command{Use: "keys", Short: "Look at an issuer's signing keys, rotate and revoke them"}
	s.flags(c)
	s.issuerFlag(c)
	c.AddCommand(
		newKeysListCommand(s),
		newKeysRotateCommand(s),
		newKeysRevokeCommand(s),
		newKeysRewrapCommand(s),
		newKeysImportSecretCommand(s),
		newKeysRotateSecretCommand(s),
		newKeysShowSecretCommand(s),
	)
	return c
}

// issuerKeys are an issuer's keys as a command works on them: with the server up
// or down.
type issuerKeys struct {
	*opened
	retain  time.Duration
	ring    *jwks.Ring
	secrets *jwks.Secrets
}

// onKeys makes a command of run, which works on one issuer's keys. What it
// changes is logged as the server logs it.
func (s *site) onKeys(run func(c *cobra.Command, k *issuerKeys, args []string) error) func(*cobra.Command, []string) error {
	return s.onIssuer(func(c *cobra.Command, o *opened, args []string) error {
		sealer, err := openSealer(c.Context(), o.config, o.db)
		if err != nil {
			return err
		}
		log := newLogger(c.ErrOrStderr(), o.config.Log).Logger
		events, err := openCommandEvents(o.config, o.db, log)
		if err != nil {
			return err
		}
		signers := newCommandSigners(o.config, log)
		defer signers.stop()
		k := &issuerKeys{opened: o}
		if k.retain, err = o.retention(c.Context()); err != nil {
			return err
		}
		ofRing := ringConfig(o.issuer, k.retain, o.db, sealer, signers.holders(o.issuer), log)
		ofSecrets := secretsConfig(o.issuer, k.retain, o.db, sealer, log)
		ofRing.Observer, ofSecrets.Observer = events, events
		if k.ring, err = jwks.Open(c.Context(), ofRing); err == nil {
			k.secrets, err = jwks.OpenSecrets(c.Context(), ofSecrets)
		}
		if err == nil {
			err = run(c, k, args)
		}
		return errors.Join(err, events.close())
	})
}

// retention is how long a key of the issuer stays published at the end.
func (o *opened) retention(ctx context.Context) (time.Duration, error) {
	stored, err := o.db.Clients(ctx, o.issuer.Name)
	if err != nil {
		return 0, fmt.Errorf("list clients: %w", err)
	}
	return o.issuer.Retention(stored), nil
}

func newKeysListCommand(s *site) *cobra.Command {
	var p printer
	c := &cobra.Command{
		Use:   "list",
		Short: "List the keys and secrets, and when each state of theirs begins",
		Args:  cobra.NoArgs,
		RunE: s.onKeys(func(c *cobra.Command, k *issuerKeys, _ []string) error {
			keys := slices.Concat(k.ring.Keys(), k.secrets.Keys())
			return print(p, c.OutOrStdout(), "kid algorithm state announced active retired revoked gone", keys, func(k jwks.KeyStatus) []any {
				return []any{k.KID, k.Algorithm, k.State, k.Announced, k.Active, k.Retired, k.Revoked, k.Gone}
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
		RunE: s.onKeys(func(c *cobra.Command, k *issuerKeys, _ []string) error {
			successors, err := k.ring.Rotate(c.Context(), now)
			if err != nil {
				return err
			}
			for _, successor := range successors {
				printSuccessor(c, successor)
			}
			return nil
		}),
	}
	c.Flags().BoolVar(&now, "now", false, "let the successor sign at once")
	return c
}

// printSuccessor says from when a key signs.
func printSuccessor(c *cobra.Command, k jwks.Key) {
	when := "signs now"
	if wait := time.Until(k.Active); wait > 0 {
		when = fmt.Sprintf("signs from %s, in %s", k.Active.UTC().Format(time.RFC3339), wait.Round(time.Second))
	}
	fmt.Fprintf(c.OutOrStdout(), "%s  %s  %s\n", k.KID, k.Algorithm, when)
}

// ringConfig is how an issuer's keys live.
func ringConfig(issuer *config.Issuer, retain time.Duration, db *storage.DB, sealer *jwks.Sealer, holders jwks.Signer, log *slog.Logger) jwks.Config {
	c := issuer.RingConfig()
	c.Store, c.Sealer, c.Log, c.Retain = db, sealer, log, retain
	c.Signer, c.Local = holders, issuer.Keys.Signer == ""
	return c
}

// secretsConfig is how an issuer's HMAC secrets live.
func secretsConfig(issuer *config.Issuer, retain time.Duration, db *storage.DB, sealer *jwks.Sealer, log *slog.Logger) jwks.SecretsConfig {
	return jwks.SecretsConfig{
		Issuer: issuer.Name, Store: db, Sealer: sealer, Log: log,
		Retain: retain, Skew: issuer.Keys.Skew.Std(),
	}
}
