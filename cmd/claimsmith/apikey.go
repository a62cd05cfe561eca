package main

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/internal/strictyaml"
	"github.com/claimsmith/claimsmith/plugins/apikey"
	"github.com/claimsmith/claimsmith/plugins/sdk"
)

func newAPIKeyCommand() *cobra.Command {
	s := new(site)
	c := &cobra.Command{Use: "apikey", Short: "Manage API keys"}
	s.flags(c)
	c.AddCommand(
		newAPIKeyCreateCommand(s),
		newAPIKeyImportCommand(s),
		newAPIKeyListCommand(s),
		newAPIKeyRotateCommand(s),
		newAPIKeyRevokeCommand(s),
	)
	return c
}

// onAPIKeys makes a command of run, which works on the table of API keys.
func (s *site) onAPIKeys(run func(c *cobra.Command, keys *apikey.Keys, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		cfg, err := s.load()
		if err != nil {
			return err
		}
		noteUnasked(c, cfg, "apikey", "the table of API keys")
		keys, err := apikey.OpenKeys(c.Context(), cfg.SQL())
		if err != nil {
			return hintStorage(fmt.Errorf("open API keys: %w", err))
		}
		defer keys.Close()
		if err := keys.Migrate(c.Context()); err != nil {
			return hintStorage(fmt.Errorf("migrate API keys: %w", err))
		}
		return run(c, keys, args)
	}
}

// keyFlags are what create and import may say of a key.
type keyFlags struct {
	record  apikey.Record
	sources []string
	expires string
}

func (f *keyFlags) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.record.Name, "name", "", "what the key is for")
	c.Flags().StringVar(&f.record.Owner.Subject, "owner", "", "`SUBJECT` that the key stands for: the claim sub")
	c.Flags().StringVar(&f.record.Owner.Username, "username", "", "user name of the owner")
	c.Flags().StringVar(&f.record.Owner.Name, "owner-name", "", "the owner's name for display")
	c.Flags().StringVar(&f.record.Owner.Email, "email", "", "e-mail address of the owner")
	c.Flags().StringVar(&f.record.Owner.Organisation, "organisation", "", "the owner's tenant")
	c.Flags().StringSliceVar(&f.record.Owner.Units, "unit", nil, "a unit of the organisation that the key may be used for")
	c.Flags().StringVar(&f.record.Owner.DefaultUnit, "default-unit", "", "the unit of a login that names none")
	c.Flags().StringSliceVar(&f.record.Owner.Groups, "group", nil, "a group of the owner")
	c.Flags().StringSliceVar(&f.record.Owner.Roles, "role", nil, "a role of the owner")
	c.Flags().StringSliceVar(&f.record.Scopes, "scope", nil, "a scope that its tokens may have (default: any)")
	c.Flags().StringSliceVar(&f.record.Audience, "audience", nil, "an audience that its tokens may have (default: any)")
	c.Flags().StringSliceVar(&f.sources, "source", nil, "a `CIDR` from where it may be used (default: everywhere)")
	c.Flags().StringVar(&f.expires, "expires-in", "", "how long it lives, as 90d (default: for ever)")
	must(c.MarkFlagRequired("owner"))
}

// read returns the record that the flags say.
func (f *keyFlags) read(now time.Time) (apikey.Record, error) {
	r := f.record
	if err := checkScopes(r.Scopes); err != nil {
		return r, err
	}
	for _, s := range f.sources {
		prefix, err := netip.ParsePrefix(s)
		if err != nil {
			return r, hint(fmt.Errorf("--source %s is no CIDR", s), "write 192.0.2.0/24 or 2001:db8::/32")
		}
		r.Sources = append(r.Sources, prefix)
	}
	if f.expires != "" {
		d, err := strictyaml.ParseDuration(f.expires)
		if err != nil || d == 0 {
			return r, fmt.Errorf("--expires-in %s: want a duration such as 90d or 12h", f.expires)
		}
		r.Expires = now.Add(d)
	}
	return r, nil
}

func newAPIKeyCreateCommand(s *site) *cobra.Command {
	var f keyFlags
	c := &cobra.Command{
		Use:   "create",
		Short: "Create a key; it is shown once",
		Args:  cobra.NoArgs,
		RunE: s.onAPIKeys(func(c *cobra.Command, keys *apikey.Keys, _ []string) error {
			record, err := f.read(time.Now())
			if err != nil {
				return err
			}
			record, text, err := keys.Create(c.Context(), record)
			if err != nil {
				return err
			}
			return showKey(c.OutOrStdout(), record, text)
		}),
	}
	f.flags(c)
	return c
}

func newAPIKeyImportCommand(s *site) *cobra.Command {
	var f keyFlags
	c := &cobra.Command{
		Use:   "import SHA256",
		Short: "Make a key known that another system made, by the SHA-256 of its text in hexadecimal",
		Args:  cobra.ExactArgs(1),
		RunE: s.onAPIKeys(func(c *cobra.Command, keys *apikey.Keys, args []string) error {
			record, err := f.read(time.Now())
			if err != nil {
				return err
			}
			record, err = keys.Import(c.Context(), record, args[0])
			if err != nil {
				return hint(err, "print the hash with: printf %%s \"$KEY\" | sha256sum")
			}
			return showKey(c.OutOrStdout(), record, "")
		}),
	}
	f.flags(c)
	return c
}

// showKey prints a key's id, and its text where it is new.
func showKey(w io.Writer, record apikey.Record, text sdk.Secret) error {
	fmt.Fprintf(w, "id       %s\nowner    %s\n", record.ID, record.Owner.Subject)
	var err error
	if text != "" {
		_, err = fmt.Fprintf(w, "api_key  %s\n\nThe key is not shown again.\n", text.Reveal())
	}
	return err
}

func newAPIKeyListCommand(s *site) *cobra.Command {
	var p printer
	var filter apikey.Filter
	c := &cobra.Command{
		Use:   "list",
		Short: "List keys; none shows its secret",
		Args:  cobra.NoArgs,
		RunE: s.onAPIKeys(func(c *cobra.Command, keys *apikey.Keys, _ []string) error {
			records, err := keys.List(c.Context(), filter)
			if err != nil {
				return err
			}
			now := time.Now()
			return print(p, c.OutOrStdout(), "id name owner organisation scopes state created expires last_used", records, func(r apikey.Record) []any {
				return []any{r.ID, r.Name, r.Owner.Subject, r.Owner.Organisation, r.Scopes, keyState(r, now), r.Created, r.Expires, r.LastUsed}
			})
		}),
	}
	c.Flags().StringVar(&filter.Subject, "owner", "", "only those of this `SUBJECT`")
	organisationFlag(c, &filter.Organisation)
	p.flag(c)
	return c
}

func keyState(r apikey.Record, now time.Time) string {
	switch {
	case !r.Revoked.IsZero():
		return "revoked"
	case !r.Expires.IsZero() && !now.Before(r.Expires):
		return "expired"
	case r.Successor != "":
		return "replaced"
	}
	return "active"
}

func newAPIKeyRotateCommand(s *site) *cobra.Command {
	var overlap time.Duration
	c := &cobra.Command{
		Use:   "rotate ID",
		Short: "Replace a key; the old one works for a while, the new one is shown once",
		Args:  cobra.ExactArgs(1),
		RunE: s.onAPIKeys(func(c *cobra.Command, keys *apikey.Keys, args []string) error {
			record, text, err := keys.Rotate(c.Context(), args[0], overlap)
			if err != nil {
				return hintKey(err)
			}
			return showKey(c.OutOrStdout(), record, text)
		}),
	}
	c.Flags().DurationVar(&overlap, "overlap", 24*time.Hour, "how long the old key still works")
	return c
}

func newAPIKeyRevokeCommand(s *site) *cobra.Command {
	return &cobra.Command{
		Use:   "revoke ID",
		Short: "End a key for good",
		Args:  cobra.ExactArgs(1),
		RunE: s.onAPIKeys(func(c *cobra.Command, keys *apikey.Keys, args []string) error {
			return hintKey(keys.Revoke(c.Context(), args[0]))
		}),
	}
}

func hintKey(err error) error {
	if errors.Is(err, apikey.ErrNotFound) {
		return hint(err, "claimsmith apikey list shows the ids there are")
	}
	return err
}
