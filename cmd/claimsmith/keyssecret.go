package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
)

// secretFlags are what the commands that add a secret have in common.
type secretFlags struct {
	algorithm string
	after     time.Duration
}

func (f *secretFlags) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.algorithm, "algorithm", "HS256", "HS256, HS384 or HS512")
	c.Flags().DurationVar(&f.after, "after", 0, "let it sign only after this `TIME`: for services that can hold two secrets,\nthe time they need to learn the new one")
}

// maxSecretText bounds what import-secret reads.
const maxSecretText = 16 << 10

func newKeysImportSecretCommand(s *site) *cobra.Command {
	var f secretFlags
	var encoded bool
	c := &cobra.Command{
		Use:   "import-secret NAME",
		Short: "Take over an HMAC secret of a dialect, from standard input",
		Long: "Read from standard input the secret that a dialect's services verify with; a\n" +
			"line end is cut off. The first of a name signs at once. NAME is the dialect's.",
		Args: cobra.ExactArgs(1),
		RunE: s.onKeys(func(c *cobra.Command, k *issuerKeys, args []string) error {
			secret, err := readSecret(c.InOrStdin(), encoded)
			if err != nil {
				return err
			}
			row, err := k.secrets.Import(c.Context(), args[0], f.algorithm, secret, f.after)
			if err != nil {
				return err
			}
			printSuccessor(c, row)
			return nil
		}),
	}
	f.flags(c)
	c.Flags().BoolVar(&encoded, "base64", false, "what is read is base64 of the secret")
	return c
}

// readSecret reads a secret, which no error quotes.
func readSecret(r io.Reader, encoded bool) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxSecretText+1))
	if err != nil {
		return nil, fmt.Errorf("read secret: %w", err)
	}
	if len(text) > maxSecretText {
		return nil, fmt.Errorf("read secret: it is longer than %d bytes", maxSecretText)
	}
	text = bytes.TrimRight(text, "\r\n")
	if !encoded {
		return text, nil
	}
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding, base64.URLEncoding, base64.RawStdEncoding} {
		if secret, err := encoding.DecodeString(string(text)); err == nil {
			return secret, nil
		}
	}
	return nil, fmt.Errorf("read secret: it is not base64")
}

func newKeysRotateSecretCommand(s *site) *cobra.Command {
	var f secretFlags
	c := &cobra.Command{
		Use:   "rotate-secret NAME",
		Short: "Make a new HMAC secret for a dialect",
		Args:  cobra.ExactArgs(1),
		RunE: s.onKeys(func(c *cobra.Command, k *issuerKeys, args []string) error {
			row, err := k.secrets.Rotate(c.Context(), args[0], f.algorithm, f.after)
			if err != nil {
				return err
			}
			printSuccessor(c, row)
			fmt.Fprintf(c.OutOrStdout(), "give it to the services: claimsmith keys show-secret %s\n", row.KID)
			return nil
		}),
	}
	f.flags(c)
	return c
}

func newKeysShowSecretCommand(s *site) *cobra.Command {
	return &cobra.Command{
		Use:   "show-secret KID",
		Short: "Print an HMAC secret as base64, to give it to a service",
		Args:  cobra.ExactArgs(1),
		RunE: s.onKeys(func(c *cobra.Command, k *issuerKeys, args []string) error {
			secret, err := k.secrets.Reveal(args[0])
			if err != nil {
				return hint(err, "claimsmith keys list shows those there are")
			}
			newLogger(c.ErrOrStderr(), k.config.Log).Warn("secret shown", "issuer", k.issuer.Name, "kid", args[0])
			_, err = fmt.Fprintln(c.OutOrStdout(), base64.StdEncoding.EncodeToString(secret))
			return err
		}),
	}
}
