package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/jwks"
	"github.com/claimsmith/claimsmith/storage"
)

func newKeysRevokeCommand(s *site) *cobra.Command {
	var now bool
	c := &cobra.Command{
		Use:   "revoke KID",
		Short: "End a key that others may have, and its tokens with it",
		Long: "Say what would come of it if a key were revoked, and with --now do it: the key\n" +
			"signs no more and leaves the JWKS, its tokens are refused, and its successor\n" +
			"signs at once. For a key or secret that others may have.",
		Args: cobra.ExactArgs(1),
		RunE: s.onKeys(func(c *cobra.Command, k *issuerKeys, args []string) error {
			status, secret, err := k.find(args[0])
			if err != nil {
				return err
			}
			if !now {
				return k.printBlast(c, status, secret)
			}
			return k.revoke(c, status, secret)
		}),
	}
	c.Flags().BoolVar(&now, "now", false, "revoke the key; without it nothing is changed")
	return c
}

// find returns the key or secret of a kid.
func (k *issuerKeys) find(kid string) (status jwks.KeyStatus, secret bool, err error) {
	is := func(s jwks.KeyStatus) bool { return s.KID == kid }
	if i := slices.IndexFunc(k.ring.Keys(), is); i >= 0 {
		return k.ring.Keys()[i], false, nil
	}
	if i := slices.IndexFunc(k.secrets.Keys(), is); i >= 0 {
		return k.secrets.Keys()[i], true, nil
	}
	return status, false, hint(fmt.Errorf("revoke key: %w: %s", jwks.ErrNoKey, kid), "claimsmith keys list shows those there are")
}

func (k *issuerKeys) revoke(c *cobra.Command, status jwks.KeyStatus, secret bool) error {
	revoke, keys := k.ring.Revoke, k.ring.Keys
	if secret {
		revoke, keys = k.secrets.Revoke, k.secrets.Keys
	}
	row, err := revoke(c.Context(), status.KID)
	if errors.Is(err, jwks.ErrNoKey) {
		return hint(err, "claimsmith keys list shows those there are")
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "%s  %s  revoked at %s\n", row.KID, row.Algorithm, row.Revoked.UTC().Format(time.RFC3339))
	for _, other := range keys() {
		if other.Algorithm == row.Algorithm && other.State == jwks.Active && (!secret || nameOf(other) == nameOf(status)) {
			fmt.Fprintf(c.OutOrStdout(), "%s  %s  signs now\n", other.KID, other.Algorithm)
		}
	}
	return nil
}

// nameOf returns the name of a secret, which its kid begins with.
func nameOf(k jwks.KeyStatus) string {
	name, _, _ := strings.Cut(k.KID, ".")
	return name
}

// printBlast says what would come of it if the key were revoked.
func (k *issuerKeys) printBlast(c *cobra.Command, key jwks.KeyStatus, secret bool) error {
	out := c.OutOrStdout()
	fmt.Fprintf(out, "%s  %s  %s\n\n", key.KID, key.Algorithm, key.State)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if err := k.writeBlast(c.Context(), w, key, secret); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	args := key.KID + " --now"
	if key.KID[0] == '-' {
		args = "--now -- " + key.KID
	}
	_, err := fmt.Fprintf(out, "\nNothing was changed. To revoke it: claimsmith keys revoke %s\n", args)
	return err
}

func (k *issuerKeys) writeBlast(ctx context.Context, w io.Writer, key jwks.KeyStatus, secret bool) error {
	now := time.Now()
	clients, longest, err := k.clientsOf(ctx, key.Algorithm)
	if err != nil {
		return err
	}
	dialects, longestOfDialects := k.dialectsOf(key, secret, longest)
	if secret {
		longest = 0 // no client's token but by a dialect
	}
	longest = min(max(longest, longestOfDialects), k.retain)
	fmt.Fprintf(w, "signing\t%s\n", signingOf(key, now))
	fmt.Fprintf(w, "tokens\t%s\n", tokensOf(key, now, longest))
	fmt.Fprintf(w, "dialects\t%s\n", text(dialects))
	if secret {
		fmt.Fprintf(w, "services\tthose that verify with it have to be given its successor\n")
	} else {
		fmt.Fprintf(w, "clients\t%s\n", text(clients))
		fmt.Fprintf(w, "services\trefuse its tokens once they fetch the JWKS again, within %s\n", k.issuer.Keys.JWKSMaxAge.Std())
	}
	fmt.Fprintf(w, "replicas\trefuse its tokens within a second or so, or %s if they are not told of the change\n", jwks.DefaultPoll)
	fmt.Fprintf(w, "sessions\tgo on: the next refresh gets a token of the successor\n")
	return nil
}

func signingOf(key jwks.KeyStatus, now time.Time) string {
	since := key.Active.UTC().Format(time.RFC3339)
	switch key.State {
	case jwks.Announced:
		return "has not signed yet; would from " + since
	case jwks.Active:
		return fmt.Sprintf("since %s, for %s", since, now.Sub(key.Active).Round(time.Second))
	}
	return fmt.Sprintf("from %s to %s, for %s", since, key.Retired.UTC().Format(time.RFC3339), key.Retired.Sub(key.Active).Round(time.Second))
}

// tokensOf says until when a token of the key may live that lives the longest.
func tokensOf(key jwks.KeyStatus, now time.Time, longest time.Duration) string {
	last := now
	switch {
	case key.State == jwks.Announced:
		return "none yet"
	case !key.Retired.IsZero() && key.Retired.Before(now):
		last = key.Retired
	}
	end := last.Add(longest)
	if !now.Before(end) {
		return "all have expired"
	}
	return fmt.Sprintf("some may live until %s, for %s", end.UTC().Format(time.RFC3339), end.Sub(now).Round(time.Second))
}

// dialectsOf returns the dialects whose tokens the key signs, and the lifetime
// of the longest-lived of these, where one that a dialect does not set is that
// of clients.
func (k *issuerKeys) dialectsOf(key jwks.KeyStatus, secret bool, ofClients time.Duration) (names []string, longest time.Duration) {
	for i := range k.issuer.Dialects {
		d := &k.issuer.Dialects[i]
		c := d.Config(k.issuer.URL)
		name, _ := d.Secret()
		if secret && name != nameOf(key) || !secret && cmp.Or(c.Algorithm, c.Dialect.Algorithm) != key.Algorithm {
			continue
		}
		names = append(names, c.Name)
		longest = max(longest, cmp.Or(c.Lifetime, c.Dialect.Lifetime, ofClients))
	}
	return names, longest
}

// clientsOf returns the clients whose tokens an algorithm signs, and the
// lifetime of the longest-lived token of any client.
func (k *issuerKeys) clientsOf(ctx context.Context, algorithm string) (ids []string, longest time.Duration, err error) {
	stored, err := k.db.Clients(ctx, k.issuer.Name)
	if err != nil {
		return nil, 0, fmt.Errorf("list clients: %w", err)
	}
	for _, c := range k.issuer.StaticClients() {
		stored = append(stored, *c)
	}
	longest = k.issuer.AccessToken.Lifetime.Std()
	for _, c := range stored {
		if clientAlgorithm(c, k.issuer.Keys.Algorithms) == algorithm {
			ids = append(ids, c.ID)
		}
		longest = max(longest, c.AccessTokenLifetime)
	}
	slices.Sort(ids)
	return ids, longest, nil
}

// clientAlgorithm is what signs a client's tokens.
func clientAlgorithm(c storage.Client, ofIssuer []string) string {
	if c.Algorithm != "" {
		return c.Algorithm
	}
	return ofIssuer[0]
}
