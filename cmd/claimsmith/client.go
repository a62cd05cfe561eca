package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/cmd/claimsmith/config"
	"github.com/claimsmith/claimsmith/server/oauth"
	"github.com/claimsmith/claimsmith/storage"
)

func newClientCommand() *cobra.Command {
	s := new(site)
	c := &cobra.Command{Use: "client", Short: "Manage the OAuth clients in storage"}
	s.flags(c)
	s.issuerFlag(c)
	c.AddCommand(
		newClientCreateCommand(s),
		newClientListCommand(s),
		newClientShowCommand(s),
		newClientUpdateCommand(s),
		newClientDeleteCommand(s),
		newClientRotateSecretCommand(s),
	)
	return c
}

// clientFlags are what create and update may say of a client.
type clientFlags struct {
	name       string
	grants     []string
	scopes     []string
	audience   []string
	lifetime   time.Duration
	algorithm  string
	claimsFile string
	disabled   bool
	policy     policyFlags
}

func (f *clientFlags) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.name, "name", "", "what people call the client")
	c.Flags().StringSliceVar(&f.grants, "grant", nil, "a grant type it may use: "+strings.Join(config.ShortGrants(oauth.Grants), ", "))
	c.Flags().StringSliceVar(&f.scopes, "scope", nil, "a scope it may ask for")
	c.Flags().StringSliceVar(&f.audience, "audience", nil, "an audience it may ask for; the first is its default")
	c.Flags().DurationVar(&f.lifetime, "access-token-lifetime", 0, "0: the issuer's")
	c.Flags().StringVar(&f.algorithm, "algorithm", "", "what signs its access tokens: one of the issuer's keys.algorithms (default: the first)")
	c.Flags().StringVar(&f.claimsFile, "claims", "", "YAML `FILE` of claims beside the issuer's")
	c.Flags().BoolVar(&f.disabled, "disabled", false, "refuse the client for now")
	f.policy.flags(c)
}

// apply writes the flags that were given into the client.
func (f *clientFlags) apply(c *cobra.Command, issuer *config.Issuer, client *storage.Client) error {
	given := c.Flags().Changed
	if given("name") {
		client.Name = f.name
	}
	if given("grant") {
		grants, err := config.Grants(f.grants)
		if err != nil {
			return err
		}
		client.Grants = grants
	}
	if given("scope") {
		if err := checkScopes(f.scopes); err != nil {
			return err
		}
		client.Scopes = f.scopes
	}
	if given("audience") {
		client.Audience = f.audience
	}
	if given("access-token-lifetime") {
		if err := f.checkLifetime(issuer); err != nil {
			return err
		}
		client.AccessTokenLifetime = f.lifetime
	}
	if given("algorithm") {
		if !issuer.SignsWith(f.algorithm) {
			return hint(fmt.Errorf("--algorithm %s: the issuer has no key of it", f.algorithm), "add it to keys.algorithms of the issuer first")
		}
		client.Algorithm = f.algorithm
	}
	if given("disabled") {
		client.Disabled = f.disabled
	}
	if err := f.policy.apply(c, &client.ClientPolicy); err != nil {
		return err
	}
	if given("claims") {
		return f.applyClaims(client)
	}
	return nil
}

func checkScopes(scopes []string) error {
	for _, s := range scopes {
		if err := oauth.CheckScope(s); err != nil {
			return fmt.Errorf("--scope %q: %w", s, err)
		}
	}
	return nil
}

// checkLifetime refuses what outlives the keys of servers that run, who know of
// no client that is yet to come.
func (f *clientFlags) checkLifetime(issuer *config.Issuer) error {
	longest := issuer.Retention(nil)
	if f.lifetime >= 0 && f.lifetime <= longest {
		return nil
	}
	err := fmt.Errorf("--access-token-lifetime %s: want at most keys.retain of the issuer, %s", f.lifetime, longest)
	if issuer.RetentionComputed() {
		err = fmt.Errorf("--access-token-lifetime %s: want at most %s, for which a key stays published once it signs no more", f.lifetime, longest)
	}
	return hint(err, "a token must not outlive the key that verifies it: set keys.retain of the issuer to as much, and reload every replica first")
}

func (f *clientFlags) applyClaims(client *storage.Client) error {
	text, err := os.ReadFile(f.claimsFile)
	if err != nil {
		return fmt.Errorf("read claims: %w", err)
	}
	if _, err := oauth.ParseClaims(f.claimsFile, text); err != nil {
		return err
	}
	client.Claims = string(text)
	return nil
}

func newClientCreateCommand(s *site) *cobra.Command {
	var f clientFlags
	var public bool
	var hash string
	c := &cobra.Command{
		Use:   "create ID",
		Short: "Create a client; its secret is shown once",
		Args:  cobra.ExactArgs(1),
		RunE: s.onIssuer(func(c *cobra.Command, o *opened, args []string) error {
			now := time.Now()
			client := storage.Client{Issuer: o.issuer.Name, ID: args[0], Created: now, Updated: now}
			if o.issuer.StaticClients()[client.ID] != nil {
				return hint(fmt.Errorf("create client %s: the configuration has one of this id, which counts", client.ID), "change it there, or choose another id")
			}
			if err := f.apply(c, o.issuer, &client); err != nil {
				return err
			}
			if public && slices.Contains(client.Grants, oauth.GrantClientCredentials) {
				return errors.New("--public: client_credentials are for clients that keep a secret")
			}
			secret, err := newSecret(&client, public, hash)
			if err != nil {
				return err
			}
			if err := o.db.CreateClient(c.Context(), client); err != nil {
				return hintClient(fmt.Errorf("create client %s: %w", client.ID, err), client.ID)
			}
			return showSecret(c.OutOrStdout(), client.ID, secret)
		}),
	}
	f.flags(c)
	c.Flags().BoolVar(&public, "public", false, "the client keeps no secret")
	c.Flags().StringVar(&hash, "secret-hash", "", "import the `HASH` of an existing secret: bcrypt, or sha256: and base64url")
	c.MarkFlagsMutuallyExclusive("public", "secret-hash")
	must(c.MarkFlagRequired("grant"))
	return c
}

func newClientListCommand(s *site) *cobra.Command {
	var p printer
	c := &cobra.Command{
		Use:   "list",
		Short: "List the clients, those of the configuration too",
		Args:  cobra.NoArgs,
		RunE: s.onIssuer(func(c *cobra.Command, o *opened, _ []string) error {
			clients, err := o.db.Clients(c.Context(), o.issuer.Name)
			if err != nil {
				return fmt.Errorf("list clients: %w", err)
			}
			var views []clientView
			for _, client := range o.issuer.StaticClients() {
				views = append(views, viewClient(*client, "configuration"))
			}
			for _, client := range clients {
				views = append(views, viewClient(client, "storage"))
			}
			return print(p, c.OutOrStdout(), "id type from grants scopes audience created", views, func(v clientView) []any {
				return []any{v.ID, v.Type, v.From, config.ShortGrants(v.Grants), v.Scopes, v.Audience, v.Created}
			})
		}),
	}
	p.flag(c)
	return c
}

// clientView is a client as commands show it: without hashes.
type clientView struct {
	ID                  string   `json:"id"`
	Name                string   `json:"name,omitempty"`
	Type                string   `json:"type"` // confidential, public; or disabled
	From                string   `json:"from"` // storage, configuration
	Grants              []string `json:"grants"`
	Scopes              []string `json:"scopes"`
	Audience            []string `json:"audience"`
	AccessTokenLifetime string   `json:"access_token_lifetime,omitempty"`
	Algorithm           string   `json:"algorithm,omitempty"`
	Claims              string   `json:"claims,omitempty"`
	policyView
	Created time.Time `json:"created,omitzero"`
	Updated time.Time `json:"updated,omitzero"`
}

func viewClient(c storage.Client, from string) clientView {
	v := clientView{
		ID: c.ID, Name: c.Name, Type: "confidential", From: from,
		Grants: notNil(c.Grants), Scopes: notNil(c.Scopes), Audience: notNil(c.Audience),
		Algorithm: c.Algorithm, Claims: c.Claims, policyView: viewPolicy(c), Created: c.Created, Updated: c.Updated,
	}
	if c.AccessTokenLifetime > 0 {
		v.AccessTokenLifetime = c.AccessTokenLifetime.String()
	}
	switch {
	case c.Disabled:
		v.Type = "disabled"
	case c.Public():
		v.Type = "public"
	}
	return v
}

// notNil is list as JSON shows it: [] for none.
func notNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func newClientShowCommand(s *site) *cobra.Command {
	return &cobra.Command{
		Use:   "show ID",
		Short: "Show one client as JSON",
		Args:  cobra.ExactArgs(1),
		RunE: s.onIssuer(func(c *cobra.Command, o *opened, args []string) error {
			if client, ok := o.issuer.StaticClients()[args[0]]; ok {
				return printJSON(c.OutOrStdout(), viewClient(*client, "configuration"))
			}
			client, err := o.db.Client(c.Context(), o.issuer.Name, args[0])
			if err != nil {
				return hintClient(fmt.Errorf("show client %s: %w", args[0], err), args[0])
			}
			return printJSON(c.OutOrStdout(), viewClient(client, "storage"))
		}),
	}
}

func newClientUpdateCommand(s *site) *cobra.Command {
	var f clientFlags
	c := &cobra.Command{
		Use:   "update ID",
		Short: "Change a client; what no flag names stays",
		Args:  cobra.ExactArgs(1),
		RunE: s.onIssuer(func(c *cobra.Command, o *opened, args []string) error {
			client, err := o.db.Client(c.Context(), o.issuer.Name, args[0])
			if err != nil {
				return hintClient(fmt.Errorf("update client %s: %w", args[0], err), args[0])
			}
			if err := f.apply(c, o.issuer, &client); err != nil {
				return err
			}
			client.Updated = time.Now()
			if err := o.db.UpdateClient(c.Context(), client); err != nil {
				return fmt.Errorf("update client %s: %w", client.ID, err)
			}
			return nil
		}),
	}
	f.flags(c)
	return c
}

func newClientDeleteCommand(s *site) *cobra.Command {
	return &cobra.Command{
		Use:   "delete ID",
		Short: "Delete a client and end its sessions",
		Args:  cobra.ExactArgs(1),
		RunE: s.onIssuer(func(c *cobra.Command, o *opened, args []string) error {
			if err := o.db.DeleteClient(c.Context(), o.issuer.Name, args[0]); err != nil {
				return hintClient(fmt.Errorf("delete client %s: %w", args[0], err), args[0])
			}
			return nil
		}),
	}
}

func hintClient(err error, id string) error {
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return hint(err, "claimsmith client list shows those there are; a client of the configuration is changed there")
	case errors.Is(err, storage.ErrExists):
		return hint(err, "change it with claimsmith client update %s, or choose another id", id)
	}
	return err
}
