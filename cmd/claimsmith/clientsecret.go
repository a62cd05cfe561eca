package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server/oauth"
	"github.com/claimsmith/claimsmith/storage"
)

// newSecret gives a client its secret: none, an imported one, or a new one that is returned.
func newSecret(client *storage.Client, public bool, hash string) (sdk.Secret, error) {
	now := time.Now()
	switch {
	case public && !client.Public():
		return "", errors.New("--public: a client with keys is not public")
	case public:
		return "", nil
	case hash != "":
		if err := oauth.CheckSecretHash(hash); err != nil {
			return "", fmt.Errorf("import secret: %w", err)
		}
		client.Secrets = []storage.SecretHash{{Hash: hash, Created: now}}
		return "", nil
	case !client.Public():
		return "", nil // it proves itself with a key
	}
	secret := oauth.NewClientSecret()
	client.Secrets = []storage.SecretHash{{Hash: oauth.HashClientSecret(secret), Created: now}}
	return secret, nil
}

func showSecret(w io.Writer, id string, secret sdk.Secret) error {
	var err error
	if secret == "" {
		_, err = fmt.Fprintf(w, "client_id      %s\n", id)
	} else {
		_, err = fmt.Fprintf(w, "client_id      %s\nclient_secret  %s\n\nThe secret is not shown again.\n", id, secret.Reveal())
	}
	return err
}

func newClientRotateSecretCommand(s *site) *cobra.Command {
	var overlap time.Duration
	c := &cobra.Command{
		Use:   "rotate-secret ID",
		Short: "Give a client a new secret; the old one works for a while",
		Args:  cobra.ExactArgs(1),
		RunE: s.onIssuer(func(c *cobra.Command, o *opened, args []string) error {
			client, err := o.db.Client(c.Context(), o.issuer.Name, args[0])
			if err != nil {
				return hintClient(fmt.Errorf("rotate secret of client %s: %w", args[0], err), args[0])
			}
			switch {
			case client.Public():
				return fmt.Errorf("client %s is public: it has no secret", client.ID)
			case len(client.Secrets) == 0:
				return fmt.Errorf("client %s has no secret: it proves itself with a key", client.ID)
			}
			now := time.Now()
			secret := rotateSecret(&client, overlap, now)
			client.Updated = now
			if err := o.db.UpdateClient(c.Context(), client); err != nil {
				return fmt.Errorf("rotate secret of client %s: %w", client.ID, err)
			}
			return showSecret(c.OutOrStdout(), client.ID, secret)
		}),
	}
	c.Flags().DurationVar(&overlap, "overlap", 24*time.Hour, "how long the old secret still works")
	return c
}

// rotateSecret adds a new secret, lets the others end after overlap, and drops
// those that have ended.
func rotateSecret(client *storage.Client, overlap time.Duration, now time.Time) sdk.Secret {
	secret := oauth.NewClientSecret()
	kept := []storage.SecretHash{{Hash: oauth.HashClientSecret(secret), Created: now}}
	end := now.Add(overlap)
	for _, old := range client.Secrets {
		if old.Expires.IsZero() || old.Expires.After(end) {
			old.Expires = end
		}
		if old.Expires.After(now) {
			kept = append(kept, old)
		}
	}
	client.Secrets = kept
	return secret
}
