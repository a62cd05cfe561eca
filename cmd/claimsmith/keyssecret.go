package main

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/jwks"
)

// secretFlags are what the commands that add a secret have in common.
type secretFlags struct {
	algorithm string
	after     time.Duration
}

func (f *secretFlags) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.algorithm, "algorithm", "", "HS256, HS384 or HS512 (default: the dialect's)")
	c.Flags().DurationVar(&f.after, "after", 0, "let it sign only after this `TIME`: for services that can hold two secrets,\nthe time they need to learn the new one")
}

// settle finds what the secret of a name is for. A secret shorter than the
// dialect that signs with it wants is refused: with one the server does not start.
func (f *secretFlags) settle(k *issuerKeys, name string) (known bool, err error) {
	for i := range k.issuer.Dialects {
		served, algorithm := k.issuer.Dialects[i].Secret()
		switch {
		case served != name:
		case f.algorithm != "" && jwks.SecretSize(f.algorithm) < jwks.SecretSize(algorithm):
			return true, hint(fmt.Errorf("the dialect %s signs with %s", name, algorithm), "leave out --algorithm %s", f.algorithm)
		default:
			f.algorithm = cmp.Or(f.algorithm, algorithm)
			return true, nil
		}
	}
	var latest jwks.KeyStatus
	for _, s := range k.secrets.Keys() {
		if of, _, _ := strings.Cut(s.KID, "."); of == name && s.State != jwks.Revoked && !s.Active.Before(latest.Active) {
			latest = s
		}
	}
	f.algorithm = cmp.Or(f.algorithm, latest.Algorithm, "HS256")
	return latest.KID != "", nil
}

// unserved says that no dialect has a name, and which names there are.
func (k *issuerKeys) unserved(name string) error {
	var names []string
	for i := range k.issuer.Dialects {
		if served, _ := k.issuer.Dialects[i].Secret(); served != "" {
			names = append(names, served)
		}
	}
	err := fmt.Errorf("no dialect of issuer %s signs with a secret %q", k.issuer.Name, name)
	return hint(err, "there are: %s", cmp.Or(strings.Join(names, ", "), "none"))
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
			known, err := f.settle(k, args[0])
			if err != nil {
				return err
			}
			if !known { // it may come before its dialect
				fmt.Fprintf(c.ErrOrStderr(), "note: %v\n", k.unserved(args[0]))
			}
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
			if known, err := f.settle(k, args[0]); err != nil || !known {
				return cmp.Or(err, k.unserved(args[0]))
			}
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
